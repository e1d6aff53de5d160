"""Settings of the registry."""

from typing import ClassVar

from chartly.runtime import ServiceSettings
from chartly.runtime.settings import PORTS, Port
from pydantic import Field


class RegistrySettings(ServiceSettings):
    """Settings of the registry."""

    service: ClassVar[str] = "registry"
    port: Port = Field(PORTS["registry"], description="TCP port to listen on; 0 takes a free one.")
