"""Settings that every service has, from the environment (`CHARTLY_…`) or from flags."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=0, le=65535)]

#: The services of the mesh and the ports they listen on by default.
PORTS = {
    "gateway": 8080,
    "registry": 8081,
    "aggregator": 8082,
    "coordinator": 8083,
    "reporter": 8084,
    "storage": 8085,
    "analytics": 8086,
    "auth": 8087,
    "audit": 8088,
}


def _url(service: str) -> Any:
    return Field(default=f"127.0.0.1:{PORTS[service]}", description=f"Where {service} listens, as host:port.")


class ServiceSettings(BaseSettings):
    """Settings of one service. A service's own class names it in `service` and adds what only it needs."""

    model_config = SettingsConfigDict(env_prefix="CHARTLY_", frozen=True, cli_kebab_case=True)
    service: ClassVar[str]

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Any but a loopback address needs `allow_anonymous=false`.",
    )
    port: Port = Field(description="TCP port to listen on; 0 takes a free one.")
    metrics_port: Port | None = Field(
        default=None,
        description="TCP port of `GET /metrics` on 127.0.0.1; 0 takes a free one. Default: the port + 1000, and 0 if that is 0.",
    )
    data_dir: Path = Field(default=Path(".chartly"), description="Folder of everything the mesh keeps.")
    tenant: str = Field(default="default", description="Tenant of callers without a key.")
    api_key_file: Path | None = Field(
        default=None, description="File with the service's own key. Without one it calls its siblings as anonymous."
    )
    allow_anonymous: bool = Field(default=True, description="Whether callers without a key may read.")
    gateway_url: str = _url("gateway")
    registry_url: str = _url("registry")
    aggregator_url: str = _url("aggregator")
    coordinator_url: str = _url("coordinator")
    reporter_url: str = _url("reporter")
    storage_url: str = _url("storage")
    analytics_url: str = _url("analytics")
    auth_url: str = _url("auth")
    audit_url: str = _url("audit")
    drain_seconds: float = Field(default=3, ge=0, description="Seconds that calls have to end after SIGTERM or SIGINT.")
    max_message_bytes: int = Field(
        default=(16 << 20) + (64 << 10),
        gt=0,
        description="Bytes of the largest message that is received or sent: a body of 16 MiB, and what is around it.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    boundary_hook: str | None = Field(
        default=None, description="Function to tell of each boundary, as module:function. For fault tests."
    )

    @property
    def database_url(self) -> str:
        """URL of the service's own database, in the data folder."""
        return f"sqlite+aiosqlite:///{self.data_dir / self.service}.sqlite"

    def url_of(self, service: str) -> str:
        """Return where a sibling listens, as host:port."""
        url: str = getattr(self, f"{service}_url")
        return url

    @classmethod
    def from_flags(cls, flags: Sequence[str]) -> Self:
        """Return the settings of the environment with flags such as `--drain-seconds 5` over them."""
        command = f"chartly serve {cls.service}" if cls.service in PORTS else f"chartly {cls.service}"
        return cls(_cli_parse_args=list(flags), _cli_prog_name=command)  # type: ignore[call-arg]

    @model_validator(mode="after")
    def _authenticates_beyond_loopback(self) -> Self:
        if self.allow_anonymous and not _is_loopback(self.host):
            raise ValueError(f"host {self.host} is no loopback address, so allow_anonymous has to be false")
        return self


def settings_reference(classes: Iterable[type[ServiceSettings]] = ()) -> str:
    """Return a reference page of the settings, as Markdown: those of all services, then what each class adds or changes."""
    lines = ["# Settings", "", "Each is an environment variable and, for `chartly serve`, a flag.", ""]
    lines += ["## Every service", "", *_table(ServiceSettings, {})]
    for settings in sorted(classes, key=lambda settings: settings.service):
        own = _table(settings, ServiceSettings.model_fields)
        lines += ["", f"## {settings.service}", "", *own] if len(own) > 2 else []
    return "\n".join(lines) + "\n"


def _table(settings: type[ServiceSettings], known: Mapping[str, FieldInfo]) -> list[str]:
    rows = ["| variable | flag | default | meaning |", "|---|---|---|---|"]
    for name, field in sorted(settings.model_fields.items()):
        if name in known and field.default == known[name].default:
            continue
        default = "" if field.is_required() or field.default is None else f"`{_shown(field.default)}`"
        rows.append(f"| `CHARTLY_{name.upper()}` | `--{name.replace('_', '-')}` | {default} | {field.description} |")
    return rows


def _shown(default: object) -> str:
    return json.dumps([str(item) for item in default]) if isinstance(default, list) else str(default)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
