"""Settings of storage."""

from typing import ClassVar

from chartly.runtime.settings import PORTS, Port, ServiceSettings
from pydantic import Field


class StorageSettings(ServiceSettings):
    """Settings of storage."""

    service: ClassVar[str] = "storage"
    port: Port = Field(PORTS["storage"], description="TCP port to listen on; 0 takes a free one.")
    stage_seconds: float = Field(
        21_600, gt=0, description="Seconds after which a stage is removed that is neither renewed nor committed."
    )
    snapshot_seconds: float = Field(3_600, gt=0, description="Seconds for which an open snapshot keeps its files.")
    superseded_days: float = Field(30, ge=0, description="Days for which replaced versions of a dataset can be read.")
    collection_seconds: float = Field(
        10, gt=0, description="Seconds between two collections of what is no longer needed."
    )
    max_artifact_bytes: int = Field(
        1 << 30, gt=0, description="Bytes of the largest artifact that is taken over the network."
    )
    query_memory_bytes: int = Field(
        512 << 20, gt=0, description="Bytes of memory for one deduplication or read; the rest goes to disk."
    )
    query_threads: int = Field(2, gt=0, description="Threads of one deduplication or read.")
