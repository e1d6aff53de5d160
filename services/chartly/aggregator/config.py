"""Settings of the aggregator."""

from typing import ClassVar

from chartly.runtime import ServiceSettings
from chartly.runtime.settings import PORTS, Port
from pydantic import Field


class AggregatorSettings(ServiceSettings):
    """Settings of the aggregator."""

    service: ClassVar[str] = "aggregator"
    port: Port = Field(PORTS["aggregator"], description="TCP port to listen on; 0 takes a free one.")
    max_submission_bytes: int = Field(16 << 20, gt=0, description="Bytes of the largest body of `POST /api/results`.")
    max_upload_bytes: int = Field(
        1 << 30, gt=0, description="Bytes of the largest file of `POST /api/profiles/{profile_id}/records`."
    )
