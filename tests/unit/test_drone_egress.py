"""Which addresses drones connect to."""

from __future__ import annotations

import ipaddress

import pytest
from chartly.drone.egress import AllowedHost, EgressPolicy, range_name
from chartly.drone.errors import AddressRefused, SourceUnavailable


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("8.8.8.8", None),
        ("2606:4700::1111", None),
        ("127.0.0.1", "loopback"),
        ("127.8.9.10", "loopback"),
        ("::1", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("fd12::1", "private"),
        ("169.254.1.1", "link-local"),
        ("fe80::1", "link-local"),
        ("169.254.169.254", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("100.64.0.1", "shared"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("192.0.2.1", "private"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:8.8.8.8", None),
        ("64:ff9b::a9fe:a9fe", "metadata"),
        ("64:ff9b::808:808", None),
        ("2002:7f00:1::1", "tunnel"),
        ("::127.0.0.1", "reserved"),
    ],
)
def test_each_address_has_its_range(address: str, name: str | None) -> None:
    assert range_name(ipaddress.ip_address(address)) == name


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
def test_a_loopback_address_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(AddressRefused) as caught:
        EgressPolicy().addresses(host, 5000)
    assert caught.value.metadata["range"] == "loopback"
    assert caught.value.message.endswith(f"If you mean it: chartly up --allow-host {host}:5000")


def test_the_message_names_address_range_and_way_out() -> None:
    with pytest.raises(AddressRefused) as caught:
        EgressPolicy().addresses("127.0.0.1", 5000)
    assert caught.value.message == (
        "127.0.0.1 is a loopback address, which drones refuse to fetch. "
        "If you mean it: chartly up --allow-host 127.0.0.1:5000"
    )
    with pytest.raises(AddressRefused, match=r"^::1 is a loopback .* --allow-host \[::1\]:80$"):
        EgressPolicy().addresses("::1", 80)


def test_an_allowed_host_is_allowed_on_its_port_only() -> None:
    policy = EgressPolicy([AllowedHost.parse("127.0.0.1:5000"), AllowedHost.parse("LOCALHOST.")])
    assert policy.addresses("127.0.0.1", 5000) == ["127.0.0.1"]
    assert "127.0.0.1" in policy.addresses("localhost", 1234)
    with pytest.raises(AddressRefused):
        policy.addresses("127.0.0.1", 5001)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("example.com", "example.com", 0),
        ("Example.com:80", "example.com", 80),
        ("::1", "::1", 0),
        ("[::1]", "::1", 0),
        ("[::1]:8080", "::1", 8080),
    ],
)
def test_allowed_hosts_are_read(text: str, host: str, port: int) -> None:
    assert AllowedHost.parse(text) == AllowedHost(host, port)


@pytest.mark.parametrize("text", ["", ":80", "host:0", "host:99999", "host:http"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST|literal"):
        AllowedHost.parse(text)


def test_a_name_that_cannot_be_resolved_is_unavailable() -> None:
    with pytest.raises(SourceUnavailable, match="cannot be resolved"):
        EgressPolicy().addresses("no-such-host.invalid", 80)
