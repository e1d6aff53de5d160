"""Settings from the environment and from flags."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from chartly.runtime import ServiceSettings, settings_reference
from chartly.runtime.settings import PORTS, Port
from pydantic import Field, ValidationError


class AuditSettings(ServiceSettings):
    """Settings for these tests."""

    service: ClassVar[str] = "audit"
    port: Port = Field(default=PORTS["audit"], description="TCP port to listen on; 0 takes a free one.")
    page_bytes: int = Field(default=4096, description="Bytes of a page.")


def test_siblings_are_where_they_listen_by_default() -> None:
    settings = AuditSettings()
    assert {service: settings.url_of(service) for service in PORTS} == {
        service: f"127.0.0.1:{port}" for service, port in PORTS.items()
    }
    assert list(PORTS.values()) == list(range(8080, 8089))


def test_the_environment_sets_and_flags_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARTLY_DRAIN_SECONDS", "7")
    monkeypatch.setenv("CHARTLY_DATA_DIR", "/var/lib/chartly")
    monkeypatch.setenv("CHARTLY_SOMETHING_ELSE", "of another program")
    settings = AuditSettings.from_flags(["--drain-seconds", "2", "--page-bytes", "1"])
    assert (settings.drain_seconds, settings.page_bytes) == (2, 1)
    assert settings.database_url == "sqlite+aiosqlite:////var/lib/chartly/audit.sqlite"
    assert settings.data_dir == Path("/var/lib/chartly")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        AuditSettings().port = 1


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::", "example.com"])
def test_beyond_loopback_everyone_needs_a_key(host: str) -> None:
    with pytest.raises(ValidationError, match="no loopback address, so allow_anonymous has to be false"):
        AuditSettings(host=host)
    assert AuditSettings(host=host, allow_anonymous=False).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "[::1]", "localhost"])
def test_on_loopback_anonymous_callers_may_read(host: str) -> None:
    assert AuditSettings(host=host).allow_anonymous


def test_the_reference_has_each_setting_once() -> None:
    page = settings_reference([AuditSettings])
    common, own = page.split("## audit")
    assert all(f"`CHARTLY_{name.upper()}`" in common for name in ServiceSettings.model_fields)
    assert own.splitlines()[4:] == [
        "| `CHARTLY_PAGE_BYTES` | `--page-bytes` | `4096` | Bytes of a page. |",
        "| `CHARTLY_PORT` | `--port` | `8088` | TCP port to listen on; 0 takes a free one. |",
    ]
    assert "None" not in page
    assert all(field.description for field in ServiceSettings.model_fields.values())
