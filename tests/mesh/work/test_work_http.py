"""Runs over HTTP APIs, good and bad: paging, pauses, limits, secrets, addresses, and answers that are none."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub
from chartly.api.run.v1 import run_pb2

NDJSON = {"content-type": "application/x-ndjson"}


def a_profile(url: str, more: str = "", *, top: str = "") -> str:
    return f"""
profile_id: sensors
source:
  http_rest:
    url: {url}/readings
{more}
{top}
dims: {{sensor: {{type: string, required: true}}}}
measures: {{value: {{type: number}}}}
"""


PAGE_NUMBER = "    pagination: {page_number: {}}"
HEADER_LINK = "    pagination: {header_link: {}}"


def readings(first: int, count: int) -> bytes:
    return json.dumps([{"sensor": f"s-{n}", "value": n + 0.5} for n in range(first, first + count)]).encode()


def by_page(pages: Mapping[int, Any]) -> dict[str, Any]:
    return {f"/readings?page={number}": reply for number, reply in pages.items()}


async def run(mesh: Any, api: Any, document: str, **options: Any) -> pb.Work:
    await mesh.apply(document)
    await mesh.start_drone(allow_hosts=(f"127.0.0.1:{api.port}",), **options)
    work: pb.Work = await mesh.run("sensors")
    return work


async def receipt_of(mesh: Any) -> run_pb2.Receipt:
    [commit] = await mesh.commits("sensors")
    receipt: run_pb2.Receipt = commit.receipt
    return receipt


async def test_numbered_pages_end_at_the_first_empty_one_and_are_kept_raw(mesh: Any, api: Any, reply: Any) -> None:
    api.serve(by_page({1: reply(readings(0, 3)), 2: reply(readings(3, 2)), 3: reply(b"[]")}))
    work = await run(mesh, api, a_profile(api.url, PAGE_NUMBER))
    assert work.state == pb.WORK_STATE_SUCCEEDED, work
    [commit] = await mesh.commits("sensors")
    assert (commit.receipt.extracted, commit.receipt.pages) == (5, 3)
    assert commit.receipt.paging_end == run_pb2.PAGING_END_EXHAUSTED
    assert [page.page for page in commit.raw_pages] == [1, 2, 3]
    assert await mesh.artifact(commit.raw_pages[0].digest) == readings(0, 3)
    assert not mesh.staged()


async def test_links_are_followed_and_params_sent_once(mesh: Any, api: Any, reply: Any) -> None:
    link = {"content-type": "application/json", "link": f'<{api.url}/more?x=1>; rel="next", <{api.url}/all>; rel=last'}
    api.serve({"/readings?limit=3&q=a+b": reply(readings(0, 3), headers=link), "/more?x=1": reply(readings(3, 3))})
    work = await run(mesh, api, a_profile(api.url, f"    params: {{limit: 3, q: a b}}\n{HEADER_LINK}"))
    assert work.state == pb.WORK_STATE_SUCCEEDED, work
    assert (await receipt_of(mesh)).delivered == 6


async def test_a_source_that_caps_its_pages_loses_no_record(mesh: Any, api: Any, reply: Any) -> None:
    answers = {f"/readings?offset={n}&limit=100": reply(readings(n, min(2, 5 - n))) for n in (0, 2, 4)}
    answers |= {f"/readings?offset={n}&limit=100": reply(b"[]") for n in (5, 100, 102, 104)}
    api.serve(answers)
    paging = "    pagination: {offset: {limit: 100}}"
    work = await run(mesh, api, a_profile(api.url, paging))
    assert work.state == pb.WORK_STATE_SUCCEEDED, work
    assert (await receipt_of(mesh)).delivered == 5


async def test_an_empty_page_before_the_promised_total_is_an_error(mesh: Any, api: Any, reply: Any) -> None:
    page = json.dumps({"total": 5, "items": json.loads(readings(0, 2))}).encode()
    empty = json.dumps({"total": 5, "items": []}).encode()
    api.serve({"/readings?offset=0&limit=2": reply(page), "/readings?offset=2&limit=2": reply(empty)})
    paging = "    pagination: {offset: {limit: 2, total_path: total}}\n  records: {path: items}"
    work = await run(mesh, api, a_profile(api.url, paging))
    assert (work.state, work.reason) == (pb.WORK_STATE_DEAD, "ERROR_REASON_SOURCE_ANSWER_INVALID")
    assert "after 2 of 5 promised records" in work.message


async def test_pages_are_fetched_at_once_and_mapped_in_order(mesh: Any, api: Any, reply: Any) -> None:
    api.serve(by_page({n: reply(readings(10 * n, 10)) for n in range(1, 9)} | {n: reply(b"[]") for n in range(9, 14)}))
    work = await run(mesh, api, a_profile(api.url, PAGE_NUMBER, top="limits: {concurrency: 4}"))
    assert work.state == pb.WORK_STATE_SUCCEEDED, work
    assert (await receipt_of(mesh)).delivered == 80


@pytest.mark.parametrize("kind", ["seconds", "date"])
async def test_a_pause_is_waited_for_and_seen(mesh: Any, api: Any, reply: Any, kind: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    wait = "1" if kind == "seconds" else format_datetime(now + timedelta(seconds=1), usegmt=True)
    busy = reply(status=429, headers={"retry-after": wait, "date": format_datetime(now, usegmt=True)})
    api.serve(by_page({1: reply(readings(0, 3)), 2: [busy, reply(readings(3, 3))], 3: reply(b"[]")}))
    await mesh.apply(a_profile(api.url, PAGE_NUMBER))
    await mesh.start_drone(allow_hosts=(f"127.0.0.1:{api.port}",))
    request = pb.RunNowRequest(profile_id="sensors")
    work = (await mesh.stub(CoordinatorServiceStub).RunNow(request)).work
    paused = await mesh.work_when(work.work_id, lambda item: item.state == pb.WORK_STATE_PAUSED)
    assert paused.progress.HasField("resume_time")
    assert "Paused, not failed: 127.0.0.1 asks to wait until" in paused.progress.message
    assert "1 pages kept; resumes by itself" in paused.progress.message
    ended = await mesh.ended(work.work_id)
    assert (ended.state, ended.attempts) == (pb.WORK_STATE_SUCCEEDED, 1)
    receipt = await receipt_of(mesh)
    assert (receipt.delivered, receipt.pauses) == (6, 1)


async def test_a_source_that_stumbles_is_asked_again(mesh: Any, api: Any, reply: Any) -> None:
    cut = reply(readings(0, 3), cut_at=10)
    api.serve({"/readings": [reply(status=500), cut, reply(readings(0, 3))]})
    work = await run(mesh, api, a_profile(api.url))
    assert (work.state, work.attempts) == (pb.WORK_STATE_SUCCEEDED, 1), work
    assert (await receipt_of(mesh)).delivered == 3


async def test_a_refusal_ends_the_run_at_once(mesh: Any, api: Any, reply: Any) -> None:
    api.serve({"/readings": reply(b"{}", status=403)})
    work = await run(mesh, api, a_profile(api.url))
    assert (work.state, work.reason, work.attempts) == (pb.WORK_STATE_DEAD, "ERROR_REASON_SOURCE_REFUSED", 1)
    assert len(api.requests) == 1
    assert await mesh.commits("sensors") == []


async def test_a_limit_of_pages_makes_a_run_partial(mesh: Any, api: Any, reply: Any) -> None:
    api.serve(by_page({n: reply(readings(10 * n, 10)) for n in range(1, 9)}))
    work = await run(mesh, api, a_profile(api.url, PAGE_NUMBER, top="limits: {max_pages: 3}"))
    assert work.state == pb.WORK_STATE_SUCCEEDED, work
    [commit] = await mesh.commits("sensors")
    assert commit.state == run_pb2.RUN_STATE_PARTIAL
    assert (commit.receipt.paging_end, commit.receipt.limit) == (run_pb2.PAGING_END_LIMIT, "max_pages")
    assert commit.receipt.delivered == 30
    assert len(api.requests) == 3


async def test_an_answer_of_a_gigabyte_is_cut_at_max_bytes(mesh: Any, api: Any, reply: Any) -> None:
    bomb = gzip.compress(b"[") + gzip.compress(b" " * (1 << 20)) * 1024
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    api.serve(by_page({1: reply(readings(0, 3)), 2: reply(bomb, headers=headers)}))
    work = await run(mesh, api, a_profile(api.url, PAGE_NUMBER, top="limits: {max_bytes: 1000000}"))
    assert work.state == pb.WORK_STATE_SUCCEEDED, work
    [commit] = await mesh.commits("sensors")
    assert (commit.state, commit.receipt.limit) == (run_pb2.RUN_STATE_PARTIAL, "max_bytes")
    assert (commit.receipt.delivered, commit.receipt.size_bytes) == (3, len(readings(0, 3)))


async def test_a_page_that_memory_cannot_hold_is_refused(mesh: Any, api: Any, reply: Any) -> None:
    bomb = gzip.compress(b"[") + gzip.compress(b" " * (1 << 20)) * 300
    api.serve({"/readings": reply(bomb, headers={"content-type": "application/json", "content-encoding": "gzip"})})
    work = await run(mesh, api, a_profile(api.url))
    assert (work.state, work.reason) == (pb.WORK_STATE_DEAD, "ERROR_REASON_SOURCE_ANSWER_INVALID")
    assert "more than 256 MiB in one page" in work.message


async def test_a_page_that_repeats_ends_the_run(mesh: Any, api: Any, reply: Any) -> None:
    link = {"content-type": "application/json", "link": f'<{api.url}/readings>; rel="next"'}
    api.serve({"/readings": reply(readings(0, 3), headers=link)})
    work = await run(mesh, api, a_profile(api.url, HEADER_LINK))
    assert (work.state, work.reason) == (pb.WORK_STATE_DEAD, "ERROR_REASON_PAGE_REPEATED")
    assert work.message.startswith("page 2 repeats page 1, after 3 records")
    assert work.progress.receipt.paging_end == run_pb2.PAGING_END_REPEATED_PAGE
    assert await mesh.commits("sensors") == []
    assert not mesh.staged()


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/json"])
async def test_a_web_page_with_status_200_is_no_answer(mesh: Any, api: Any, reply: Any, content_type: str) -> None:
    api.serve({"/readings": reply(b"<!doctype html><title>Sign in</title>", headers={"content-type": content_type})})
    work = await run(mesh, api, a_profile(api.url))
    assert (work.state, work.reason) == (pb.WORK_STATE_DEAD, "ERROR_REASON_SOURCE_ANSWER_INVALID"), work
    assert content_type.partition(";")[0] in work.message


async def test_a_field_that_is_in_no_record_ends_the_run(mesh: Any, api: Any, reply: Any) -> None:
    api.serve({"/readings": reply(b'[{"name": "s-1", "value": 1}]')})
    work = await run(mesh, api, a_profile(api.url))
    assert (work.state, work.reason) == (pb.WORK_STATE_DEAD, "ERROR_REASON_SOURCE_FIELD_MISSING")
    assert "name, value" in work.message


async def test_csv_and_ndjson_come_by_their_content_type(mesh: Any, api: Any, reply: Any) -> None:
    api.serve({"/readings": reply(b"sensor,value\ns-1,2.5\ns-2,\n", headers={"content-type": "text/csv"})})
    work = await run(mesh, api, a_profile(api.url))
    assert work.state == pb.WORK_STATE_SUCCEEDED, work
    api.serve({"/readings": reply(b'{"sensor": "s-3", "value": 1}\n', headers=NDJSON)})
    assert (await mesh.run("sensors")).state == pb.WORK_STATE_SUCCEEDED
    assert [commit.receipt.delivered for commit in await mesh.commits("sensors")] == [2, 1]


async def test_addresses_that_are_not_public_are_refused(mesh: Any, api: Any) -> None:
    await mesh.apply(a_profile(api.url))
    await mesh.start_drone()
    work = await mesh.run("sensors")
    assert (work.state, work.reason) == (pb.WORK_STATE_DEAD, "ERROR_REASON_ADDRESS_REFUSED")
    assert work.message == (
        "127.0.0.1 is a loopback address, which drones refuse to fetch. "
        f"If you mean it: chartly up --allow-host 127.0.0.1:{api.port}"
    )
    assert api.requests == []


async def test_a_redirect_to_an_address_that_is_not_public_is_refused(mesh: Any, api: Any, reply: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        target = f"http://127.0.0.1:{other.getsockname()[1]}/inner"
        api.serve({"/readings": reply(status=302, headers={"location": target})})
        work = await run(mesh, api, a_profile(api.url))
    assert (work.state, work.reason) == (pb.WORK_STATE_DEAD, "ERROR_REASON_ADDRESS_REFUSED")


SECRET = "s3cr3t-value-of-the-token"


def declare(mesh: Any, hosts: str, mode: int = 0o600) -> None:
    path: Path = mesh.data_dir / "secrets.yaml"
    path.write_text(f"TOKEN: {{hosts: [{hosts}], env: TEST_TOKEN}}\n")
    path.chmod(mode)


async def test_a_secret_goes_to_its_host_only_and_is_never_seen(
    mesh: Any, api: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_TOKEN", SECRET)
    declare(mesh, "127.0.0.1")
    echoed = json.dumps([{"sensor": f"Bearer {SECRET}", "value": 1}]).encode()
    api.serve({"/readings": reply(echoed)})
    work = await run(mesh, api, a_profile(api.url, "    auth: {bearer: '${TOKEN}'}"))
    assert work.state == pb.WORK_STATE_SUCCEEDED, work
    assert api.requests[0][1]["authorization"] == f"Bearer {SECRET}"
    [commit] = await mesh.commits("sensors")
    assert b"Bearer [TOKEN]" in await mesh.artifact(commit.raw_pages[0].digest)
    kept = [path.read_bytes() for path in mesh.data_dir.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in content for content in kept)


@pytest.mark.parametrize(
    ("hosts", "mode", "reason"),
    [
        (None, 0o600, "ERROR_REASON_SECRET_NOT_DECLARED"),
        ("api.github.com", 0o600, "ERROR_REASON_SECRET_NOT_FOR_HOST"),
        ("127.0.0.1", 0o644, "ERROR_REASON_SECRET_NOT_DECLARED"),
    ],
)
async def test_a_secret_that_is_not_declared_for_the_host_stops_the_run_before_it_fetches(
    mesh: Any, api: Any, monkeypatch: pytest.MonkeyPatch, hosts: str | None, mode: int, reason: str
) -> None:
    monkeypatch.setenv("TEST_TOKEN", SECRET)
    if hosts:
        declare(mesh, hosts, mode)
    work = await run(mesh, api, a_profile(api.url, "    auth: {bearer: '${TOKEN}'}"))
    assert (work.state, work.reason) == (pb.WORK_STATE_DEAD, reason)
    assert work.message.endswith("Nothing was fetched.")
    assert api.requests == []


async def test_a_redirect_to_another_place_drops_the_authorization(
    mesh: Any, api: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_TOKEN", SECRET)
    declare(mesh, "127.0.0.1")
    api.serve(
        {
            "/readings": reply(status=307, headers={"location": f"http://localhost:{api.port}/moved"}),
            "/moved": reply(readings(0, 1)),
        }
    )
    await mesh.apply(a_profile(api.url, "    headers: {x-key: '${TOKEN}', x-plain: a}\n    auth: {bearer: '${TOKEN}'}"))
    await mesh.start_drone(allow_hosts=("127.0.0.1", "localhost"))
    work = await mesh.run("sensors")
    assert work.state == pb.WORK_STATE_SUCCEEDED, work
    [(_, first), (_, second)] = api.requests
    assert (first["authorization"], first["x-key"], first["x-plain"]) == (f"Bearer {SECRET}", SECRET, "a")
    assert "authorization" not in second
    assert "x-key" not in second
    assert second["x-plain"] == "a"
