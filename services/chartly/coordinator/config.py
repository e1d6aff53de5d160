"""Settings of the coordinator."""

from __future__ import annotations

from typing import ClassVar

from chartly.runtime import ServiceSettings
from chartly.runtime.settings import PORTS, Port
from pydantic import Field


class CoordinatorSettings(ServiceSettings):
    """Settings of the coordinator, beside those of all services."""

    service: ClassVar[str] = "coordinator"
    port: Port = Field(PORTS["coordinator"], description="TCP port to listen on; 0 takes a free one.")
    lease_seconds: int = Field(30, ge=1, description="Seconds that a lease holds unless the drone renews it.")
    preview_wait_seconds: float = Field(10, gt=0, description="Seconds that a preview waits for a drone to take it.")
