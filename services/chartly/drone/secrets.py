"""Secrets that the operator declared, each for the hosts it may be sent to, and the redaction of their values.

`secrets.yaml` in the data folder, mode 0600, names them; nothing else of the process's environment can be reached:

    GITHUB_TOKEN: {hosts: [api.github.com], env: GITHUB_TOKEN}
"""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from chartly.api.profile.v1 import profile_pb2
from chartly.drone.errors import SecretNotDeclared, SecretNotForHost
from chartly.engine import references

REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
# Shorter values would redact ordinary words.
MIN_REDACTED_CHARACTERS = 6


class Secrets:
    """The declared secrets, read anew for each run, and a memory of the values that this run has used."""

    def __init__(self, path: Path, profile: profile_pb2.Profile, environment: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._profile_id = profile.profile_id
        self._places = references(profile)
        self._environment = os.environ if environment is None else environment
        self._used: dict[str, str] = {}

    def fill(self, text: str, host: str) -> str:
        """Return a text of a profile with its `${NAME}`s replaced by the secrets for a host.

        Raises:
            SecretNotDeclared: a name is not declared, or its declaration or value is not there.
            SecretNotForHost: a secret is declared for other hosts.
        """
        return REFERENCE.sub(lambda match: self._value(match[1], host), text)

    def redact(self, text: str) -> str:
        """Return a text with the values that were used replaced by their names."""
        for value, name in self._replaced():
            text = text.replace(value, f"[{name}]")
        return text

    def redact_bytes(self, data: bytes) -> bytes:
        """Return bytes with the values that were used replaced by their names."""
        for value, name in self._replaced():
            data = data.replace(value.encode(), f"[{name}]".encode())
        return data

    def _replaced(self) -> list[tuple[str, str]]:
        found = {value: name for name, value in self._used.items() if len(value) >= MIN_REDACTED_CHARACTERS}
        quoted = {urllib.parse.quote(value, safe=""): name for value, name in found.items()}
        return sorted((found | quoted).items(), key=lambda pair: -len(pair[0]))

    def _value(self, name: str, host: str) -> str:
        shown = _shown(self._path)
        declaration = self._declarations(name, host).get(name)
        if declaration is None:
            next_step = f"Declare it in {shown}, then: chartly run {self._profile_id}."
            raise self._refusal(name, host, f"is not declared for {host}. {next_step}")
        hosts, variable = _read(declaration)
        if host.lower() not in hosts:
            why = f"is declared, but not for {host}. Add the host in {shown}, then: chartly run {self._profile_id}."
            raise SecretNotForHost(name, host, why, places=self._places.get(name, ()))
        value = self._environment.get(variable, "").strip()
        if not value:
            raise self._refusal(name, host, f"is declared in {shown}, but the drone has no variable {variable}.")
        if not value.isprintable():
            raise self._refusal(name, host, "has a value with control characters.")
        self._used[name] = value
        return value

    def _declarations(self, name: str, host: str) -> dict[str, Any]:
        shown = _shown(self._path)
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise self._refusal(name, host, f"is not used, since others can read {shown}; chmod 600 it.")
                declarations = yaml.safe_load(file)
        except FileNotFoundError:
            return {}
        except (OSError, yaml.YAMLError) as error:
            raise self._refusal(name, host, f"is not known, since {shown} cannot be read ({error}).") from None
        return declarations if isinstance(declarations, dict) else {}

    def _refusal(self, name: str, host: str, why: str) -> SecretNotDeclared:
        return SecretNotDeclared(name, host, why, places=self._places.get(name, ()))


def _read(declaration: object) -> tuple[list[str], str]:
    """Return the hosts and the variable of a declaration; no host for one that is not as it should be."""
    match declaration:
        case {"hosts": [*hosts], "env": str(variable)}:
            return [str(host).lower() for host in hosts], variable
    return [], ""


def _shown(path: Path) -> str:
    """Return a path as who started the mesh would write it."""
    return f"./{path.relative_to(Path.cwd())}" if path.is_relative_to(Path.cwd()) else str(path)
