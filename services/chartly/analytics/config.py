"""Settings of analytics."""

from __future__ import annotations

from typing import ClassVar

from chartly.runtime.settings import PORTS, Port, ServiceSettings
from pydantic import Field


class AnalyticsSettings(ServiceSettings):
    """Settings of analytics."""

    service: ClassVar[str] = "analytics"

    port: Port = Field(PORTS["analytics"], description="TCP port to listen on; 0 takes a free one.")
    concurrent_queries: int = Field(2, ge=1, description="Queries that are computed at once; others wait.")
    query_memory_mib: int = Field(1024, ge=64, description="Memory of one query in MiB; beyond it, it works on disk.")
