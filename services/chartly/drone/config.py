"""Settings of a drone."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from chartly.drone.egress import AllowedHost
from chartly.runtime import ServiceSettings
from chartly.runtime.settings import Port
from pydantic import Field, field_validator


class DroneSettings(ServiceSettings):
    """Settings of a drone, beside those of all services."""

    service: ClassVar[str] = "drone"
    port: Port = Field(0, description="Unused: a drone listens to nobody.")
    drone_id: str = Field(
        "drone-1",
        pattern="^[a-z0-9][a-z0-9._-]{0,99}$",
        description="Name of the drone, the same at each start. Of two with one name, the later takes the work of the earlier.",
    )
    capacity: int = Field(2, ge=1, le=100, description="Work items that the drone takes at once.")
    file_roots: list[Path] = Field(
        [Path()],
        description="Folders below which the drone may read files; relative paths begin at the first.",
    )
    allow_hosts: list[str] = Field(
        [],
        description="Hosts, as HOST or HOST:PORT, that the drone may fetch although their addresses are not public.",
    )

    @field_validator("allow_hosts")
    @classmethod
    def _are_hosts(cls, hosts: list[str]) -> list[str]:
        for host in hosts:
            AllowedHost.parse(host)
        return hosts
