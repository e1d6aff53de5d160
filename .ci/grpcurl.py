"""grpcurl, a client that others wrote, lists, describes and calls every service, at its own port and at the edge.

Usage: grpcurl.py GRPCURL, the program's path. Starts a mesh on free ports and an empty data folder, and stops it.
"""

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple


class Call(NamedTuple):
    """A call of a service; `refused` is the reason with which a new mesh refuses it, if it does."""

    service: str
    method: str
    request: dict[str, Any]
    refused: str = ""


# A new mesh has no dataset: analytics says so after it has asked storage.
MISSING = {
    "query": {"inputs": [{"profile_id": "none", "measure": "none"}], "join": ["observed_at"]},
    "output": {"statistic": "mean"},
}
CALLS = (  # in the order of the services' ports
    Call("gateway", "GetStatus", {}),
    Call("registry", "ListProfiles", {}),
    Call("aggregator", "ListRuns", {}),
    Call("coordinator", "GetDroneStats", {}),
    Call("reporter", "ListReports", {}),
    Call("storage", "ListDatasets", {}),
    Call("analytics", "Aggregate", MISSING, "ERROR_REASON_DATASET_NOT_FOUND"),
    Call("auth", "ListKeys", {}),
    Call("audit", "GetTreeHead", {}),
)


def main(grpcurl: str) -> None:
    """Check every service; ends with an error at the first that fails."""
    with tempfile.TemporaryDirectory() as folder, mesh(Path(folder, "data")) as (base, key):
        # The edge answers for nine services, so it has no reflection of its own.
        edge = Client(grpcurl, base + len(CALLS), key, ("-protoset", "gen/descriptors/chartly.binpb"))
        for port, call in enumerate(CALLS, start=base):
            name = f"chartly.api.{call.service}.v1.{call.service.capitalize()}Service"
            own = Client(grpcurl, port, key)
            check(own.run("list"), holds=name)
            check(own.run("describe", name), holds=f"rpc {call.method} (")
            for client in (own, edge):
                answer = client.run(f"{name}/{call.method}", data=json.dumps(call.request))
                check(answer, holds=call.refused, fails=bool(call.refused))
            print(f"{name} listed, described, called")
    print(f"{len(CALLS)} passed, 0 failed")


class Client(NamedTuple):
    """grpcurl with the address, the key and the options that it calls with."""

    grpcurl: str
    port: int
    key: str
    options: tuple[str, ...] = ()

    def run(self, *verbs: str, data: str = "") -> subprocess.CompletedProcess[str]:
        """Run grpcurl, with a request in `data` for a call."""
        options = ("-plaintext", "-max-time", "20", "-H", f"authorization: Bearer {self.key}", *self.options)
        request = ("-d", data) if data else ()
        command = [self.grpcurl, *options, *request, f"localhost:{self.port}", *verbs]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


@contextmanager
def mesh(data: Path) -> Iterator[tuple[int, str]]:
    """Yield the first port of a mesh that runs, and its admin key; the edge's port follows the services'."""
    base = free_ports(len(CALLS) + 1)
    chartly("up", "--detach", f"--data-dir={data}", f"--base-port={base}", f"--port={base + len(CALLS)}")
    try:
        yield base, data.joinpath("admin.key").read_text().strip()
    finally:
        chartly("down", f"--data-dir={data}")


def chartly(*arguments: str) -> None:
    """Run the command of this environment."""
    subprocess.run([str(Path(sys.executable).with_name("chartly")), *arguments], check=True)


def free_ports(count: int) -> int:
    """Return the first of `count` free ports in a row whose metrics ports, 1000 above, are free as well."""
    for base in range(18080, 28080, count):
        with ExitStack() as held, suppress(OSError):
            for port in (*range(base, base + count), *range(base + 1000, base + 1000 + count)):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return base
    raise SystemExit("no free ports")


def check(run: subprocess.CompletedProcess[str], *, holds: str, fails: bool = False) -> None:
    """Exit with what grpcurl printed unless it holds what is wanted and ended as it should."""
    if holds not in run.stdout or bool(run.returncode) != fails:
        raise SystemExit(f"{' '.join(run.args)}: exit code {run.returncode}, wanted {holds!r}\n{run.stdout}")


if __name__ == "__main__":
    main(sys.argv[1])
