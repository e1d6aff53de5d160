"""Settings of the gateway."""

from __future__ import annotations

from typing import ClassVar

from chartly.runtime import ServiceSettings
from chartly.runtime.settings import PORTS, Port
from pydantic import Field


class GatewaySettings(ServiceSettings):
    """Settings of the gateway, beside those of all services."""

    service: ClassVar[str] = "gateway"
    port: Port = Field(PORTS["gateway"], description="TCP port to listen on; 0 takes a free one.")
    health_seconds: float = Field(2, gt=0, description="Seconds that a service has to say that it serves.")
    event_backlog: int = Field(1000, ge=1, description="Events that wait for a slow reader before it is let go.")
    comment_seconds: float = Field(15, gt=0, description="Seconds without an event after which a comment is sent.")
