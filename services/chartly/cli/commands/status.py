"""`chartly status`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from chartly.cli.commanding import Output, mesh_command
from chartly.cli.exits import Exit
from chartly.cli.text import ago, number, word

if TYPE_CHECKING:
    from chartly.api.gateway.v1.gateway_pb2 import GetStatusResponse
    from chartly.cli.session import Session


@click.command()
@mesh_command
async def status(session: Session, output: Output) -> None:
    """Show how the services and the profiles are."""
    from chartly.api.gateway.v1.gateway_pb2 import GetStatusRequest
    from chartly.api.gateway.v1.gateway_pb2_grpc import GatewayServiceStub

    answer = await session.stub(GatewayServiceStub).GetStatus(GetStatusRequest())
    whole = all(service.status == "up" for service in answer.services)
    if not output.json(answer):
        _show_services(answer)
        if whole:
            await _show_profiles(session)
    if not whole:
        raise SystemExit(Exit.UNAVAILABLE)


def _show_services(answer: GetStatusResponse) -> None:
    from chartly.cli.tables import show_table

    down = [service.name for service in answer.services if service.status != "up"]
    if not down:
        slowest = max(service.latency_ms for service in answer.services)
        click.echo(f"{len(answer.services)} services up, the slowest answered in {slowest:.0f} ms")
        return
    rows = [
        (s.name, s.status, f"{s.latency_ms:.1f} ms" if s.status == "up" else "", s.version) for s in answer.services
    ]
    show_table(("service", "status", "latency", "version"), rows, right=("latency",))


async def _show_profiles(session: Session) -> None:
    from chartly.api.aggregator.v1 import aggregator_pb2
    from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceStub
    from chartly.api.registry.v1.registry_pb2 import ListProfilesRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
    from chartly.api.run.v1.run_pb2 import RunState
    from chartly.cli.tables import more, show_table

    aggregator = session.stub(AggregatorServiceStub)
    profiles = await session.stub(RegistryServiceStub).ListProfiles(ListProfilesRequest())
    summary = await aggregator.GetSummary(aggregator_pb2.GetSummaryRequest())
    counts = {profile.profile_id: profile for profile in summary.profiles}
    rows = []
    for profile in profiles.profiles:
        runs = await aggregator.ListRuns(aggregator_pb2.ListRunsRequest(profile_id=profile.profile_id, page_size=1))
        state = word(RunState, runs.runs[0].state) if runs.runs else "no run"
        count = counts.get(profile.profile_id, aggregator_pb2.ProfileSummary())
        every = f"every {profile.every}" if profile.every and profile.enabled else ""
        fresh = ago(count.last_run_time, datetime.now(UTC))
        rows.append((profile.profile_id, profile.version, state, fresh, f"{number(count.record_count)} rows", every))
    if rows:
        show_table(("profile", "version", "latest run", "committed", "dataset", "schedule"), rows, right=("dataset",))
    more(profiles.next_page_token)
