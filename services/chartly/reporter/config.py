"""Settings of the reporter."""

from __future__ import annotations

from typing import ClassVar

from chartly.runtime.settings import PORTS, Port, ServiceSettings
from pydantic import Field


class ReporterSettings(ServiceSettings):
    """Settings of the reporter."""

    service: ClassVar[str] = "reporter"

    port: Port = Field(PORTS["reporter"], description="TCP port to listen on; 0 takes a free one.")
