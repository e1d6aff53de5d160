"""Settings of auth."""

from typing import ClassVar

from chartly.runtime import ServiceSettings
from chartly.runtime.settings import PORTS, Port
from pydantic import Field


class AuthSettings(ServiceSettings):
    """Settings of auth."""

    service: ClassVar[str] = "auth"
    port: Port = Field(PORTS["auth"], description="TCP port to listen on; 0 takes a free one.")
