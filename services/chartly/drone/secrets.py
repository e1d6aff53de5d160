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
from chartly.drone.errors import SecretNotDeclared, SecretNotForHost

REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
# Shorter values would redact ordinary words.
MIN_REDACTED_CHARACTERS = 6


class Secrets:
    """The declared secrets, read anew for each run, and a memory of the values that this run has used."""

    def __init__(self, path: Path, environment: Mapping[str, str] | None = None) -> None:
        self._path = path
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
        declaration = self._declarations(name, host).get(name)
        if declaration is None:
            raise SecretNotDeclared(
                name, host, f"secret {name} is not declared for {host}. Declare it in {self._path}, then run it again."
            )
        hosts, variable = _read(declaration)
        if host.lower() not in hosts:
            raise SecretNotForHost(name, host, declared_in=self._path)
        if variable not in self._environment:
            raise SecretNotDeclared(
                name,
                host,
                f"secret {name} is declared in {self._path}, but the drone was started without the variable {variable}.",
            )
        value = self._environment[variable].strip()
        if not value.isprintable() or not value:
            raise SecretNotDeclared(name, host, f"the value of secret {name} is empty or has control characters.")
        self._used[name] = value
        return value

    def _declarations(self, name: str, host: str) -> dict[str, Any]:
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    why = f"{self._path} can be read by others, so its secrets are not used; chmod 600 it."
                    raise SecretNotDeclared(name, host, why)
                declarations = yaml.safe_load(file)
        except FileNotFoundError:
            return {}
        except (OSError, yaml.YAMLError) as error:
            raise SecretNotDeclared(name, host, f"{self._path} cannot be read ({error}).") from None
        return declarations if isinstance(declarations, dict) else {}


def _read(declaration: object) -> tuple[list[str], str]:
    """Return the hosts and the variable of a declaration; no host for one that is not as it should be."""
    match declaration:
        case {"hosts": [*hosts], "env": str(variable)}:
            return [str(host).lower() for host in hosts], variable
    return [], ""
