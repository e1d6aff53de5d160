"""What a mesh on this machine consists of: its folder, its ports, and the environment of each of its processes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from chartly.cli import edge
from chartly.cli.data_folder import DataFolder
from chartly.cli.ports import DRONE, MeshPorts, loopback_addresses
from chartly.cli.processes import Process
from chartly.runtime.settings import PORTS

_ENVOY_FLAGS = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "error")
# Imported once, before the forks, so that the processes share it. Not pyarrow, DuckDB and deltalake: they begin threads.
_COMMON = (
    "aiosqlite",
    "chartly.engine",
    "chartly.runtime.clients",
    "chartly.runtime.database",
    "chartly.runtime.migrations",
    "chartly.runtime.outbox",
    "chartly.runtime.process",
    "chartly.runtime.server",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.ext.asyncio",
    "uvloop",
)
# What makes the tables of a new folder, and only that.
_MIGRATING = ("alembic.command", "alembic.config", "alembic.context")


@dataclass(frozen=True, slots=True)
class MeshOptions:
    """What the person who starts a mesh may choose; `chartly up --help` says what each means."""

    port: int
    base_port: int
    anonymous: bool
    allow_hosts: Sequence[str]
    file_roots: Sequence[Path]
    host_names: Sequence[str]


@dataclass(frozen=True, slots=True)
class LocalMesh:
    """A mesh to start: nothing of it runs yet."""

    folder: DataFolder
    ports: MeshPorts
    options: MeshOptions

    @property
    def url(self) -> str:
        """Where the mesh will answer."""
        return f"http://localhost:{self.ports.edge}"

    def processes(self) -> list[Process]:
        """Return its processes, in the order in which they start."""
        services = [Process(name, self._service(name), self.folder.log(name)) for name in PORTS]
        envoy = Process("envoy", self._envoy(), self.folder.log("envoy"))
        return [envoy, *services, Process(DRONE, self._drone(), self.folder.log(DRONE))]

    def import_common(self) -> None:
        """Import what the services share."""
        for module in (*_COMMON, *(_MIGRATING if self.folder.has_no_tables() else ())):
            import_module(module)

    def _service(self, name: str) -> Callable[[], None]:
        environment = {
            **self._common(),
            "CHARTLY_PORT": str(self.ports.services[name]),
            "CHARTLY_METRICS_PORT": str(self.ports.metrics[name]),
            "CHARTLY_API_KEY_FILE": str(self.folder.key(name).resolve()),
        }
        return lambda: self._run(name, environment)

    def _drone(self) -> Callable[[], None]:
        environment = {
            **self._common(),
            "CHARTLY_METRICS_PORT": str(self.ports.metrics[DRONE]),
            "CHARTLY_API_KEY_FILE": str(self.folder.key(DRONE).resolve()),
            "CHARTLY_ALLOW_HOSTS": json.dumps(list(self.options.allow_hosts)),
            "CHARTLY_FILE_ROOTS": json.dumps([str(root.resolve()) for root in self.options.file_roots]),
        }
        return lambda: self._run(DRONE, environment)

    def _run(self, name: str, environment: dict[str, str]) -> None:
        self.folder.close_in_child()
        self.ports.release()
        os.environ.update(environment)
        sys.exit(serve(name, ()))

    def _common(self) -> dict[str, str]:
        targets = {f"CHARTLY_{name.upper()}_URL": f"127.0.0.1:{port}" for name, port in self.ports.services.items()}
        return {
            **targets,
            "CHARTLY_DATA_DIR": str(self.folder.path.resolve()),
            "CHARTLY_ALLOW_ANONYMOUS": str(self.options.anonymous).lower(),
        }

    def _envoy(self) -> Callable[[], None]:
        upstreams = {name: f"127.0.0.1:{port}" for name, port in self.ports.services.items()}
        listening = edge.Edge(loopback_addresses(), self.ports.edge, self.options.host_names, upstreams)
        self.folder.envoy_config.write_text(edge.render(listening))
        command = [str(edge.envoy()), "--config-path", str(self.folder.envoy_config), *_ENVOY_FLAGS]

        def replace_process() -> None:
            self.folder.close_in_child()
            os.execv(command[0], command)  # noqa: S606  # the process is to become Envoy

        return replace_process


def serve(name: str, flags: Sequence[str]) -> int:
    """Run a service or the drone in this process, with settings from the environment and flags; return the exit code."""
    from chartly import runtime

    settings_class = getattr(import_module(f"chartly.{name}.config"), f"{name.capitalize()}Settings")
    return runtime.run_with_flags(import_module(f"chartly.{name}.__main__").main, settings_class, flags)
