"""Which addresses a drone may connect to. A name is resolved once, and the connection goes to an address that was checked."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from chartly.drone.errors import AddressRefused, SourceUnavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA = {ipaddress.ip_address(text) for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200")}
_SHARED = ipaddress.ip_network("100.64.0.0/10")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# 6to4 (deprecated by RFC 7526) could reach an inner IPv4 address through a relay of anybody's.
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """A host that the operator allows whatever its address; `port` 0 stands for all ports."""

    host: str
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> AllowedHost:
        """Return the host of `HOST`, `HOST:PORT` or `[IPV6]:PORT`.

        Raises:
            ValueError: it is none of these.
        """
        if text.count(":") > 1 and not text.startswith("["):
            return cls(_canonical(text))
        host, _, port = text.rpartition(":") if not text.endswith("]") and ":" in text else (text, "", "")
        if not host or (port and not 0 < int(port) < 65536):
            raise ValueError(f"{text!r} is not HOST or HOST:PORT")
        return cls(_canonical(host.strip("[]")), int(port or 0))


class EgressPolicy:
    """Resolves hosts and refuses those with an address that is not a public one, unless they are allowed by name."""

    def __init__(self, allowed: Iterable[AllowedHost] = ()) -> None:
        self._allowed = frozenset(allowed)

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, all of them checked, in the order to try them. Blocks.

        Raises:
            AddressRefused: one of them is of a range that drones refuse.
            SourceUnavailable: the name cannot be resolved.
        """
        found = _resolve(host, port)
        if not self._is_allowed(host, port):
            for address in found:
                if name := range_name(address):
                    raise AddressRefused(host, port, address=str(address), range_name=name)
        return [str(address) for address in found]

    def _is_allowed(self, host: str, port: int) -> bool:
        name = _canonical(host)
        return AllowedHost(name, port) in self._allowed or AllowedHost(name) in self._allowed


def range_name(address: Address) -> str | None:
    """Return the name of the range that makes an address refused; None for a public address.

    An IPv4 address inside an IPv6 address (mapped, or translated by NAT64) counts as what it is.
    """
    if (inner := _embedded(address)) is not None:
        return range_name(inner)
    checks = {
        "metadata": address in _METADATA,
        "unspecified": address.is_unspecified,
        "loopback": address.is_loopback,
        "link-local": address.is_link_local,
        "multicast": address.is_multicast,
        "shared": address in _SHARED,
        "tunnel": address in _SIX_TO_FOUR,  # some versions of Python count it to the private ones
        "reserved": address.is_reserved,
        "private": address.is_private,
        "special-purpose": not address.is_global,
    }
    return next((name for name, refused in checks.items() if refused), None)


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address.ipv4_mapped


def _resolve(host: str, port: int) -> list[Address]:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceUnavailable(host, f"cannot be resolved ({error})") from None
    texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in entries)
    return [ipaddress.ip_address(text) for text in texts]


def _canonical(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower().rstrip(".")
