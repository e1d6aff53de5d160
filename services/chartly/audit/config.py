"""Settings of audit."""

from typing import ClassVar

from chartly.runtime import ServiceSettings
from chartly.runtime.settings import PORTS, Port
from pydantic import Field


class AuditSettings(ServiceSettings):
    """Settings of audit."""

    service: ClassVar[str] = "audit"
    port: Port = Field(PORTS["audit"], description="TCP port to listen on; 0 takes a free one.")
