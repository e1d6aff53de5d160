"""Roles as sets of the permissions that the contracts declare.

A permission is `<service>.<resource>.<verb>`, and every verb that only reads is `read`. A rule names permissions by
patterns, so a method that is added with a permission of its kind is covered; one of a new kind is given to nobody but
admin until a rule here says so. The matrix of all methods and roles is pinned by a test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

ANONYMOUS_ROLE = "viewer"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a role may do: what the roles in `includes` may and what matches `grants`, but nothing of `withholds`."""

    grants: tuple[str, ...]
    includes: tuple[str, ...] = ()
    withholds: tuple[str, ...] = ()


RULES: Mapping[str, Rule] = {
    # Reads all but what is secret.
    "viewer": Rule(grants=("*.read",), withholds=("auth.keys.read",)),
    # Runs what is there.
    "operator": Rule(
        includes=("viewer",),
        grants=(
            "aggregator.quarantine.replay",
            "coordinator.work.cancel",
            "coordinator.work.create",
            "coordinator.work.redrive",
        ),
    ),
    # Changes what runs, and brings data of its own.
    "editor": Rule(
        includes=("operator",),
        grants=(
            "aggregator.results.create",
            "coordinator.previews.create",
            "registry.contracts.*",
            "registry.profiles.*",
            "reporter.reports.*",
            "storage.artifacts.create",
        ),
    ),
    # Does all, but writes no history: what the ledger says is what services have seen.
    "admin": Rule(grants=("*",), withholds=("audit.entries.append",)),
    # Takes work, fetches, and delivers.
    "drone": Rule(
        grants=(
            "aggregator.results.create",
            "coordinator.drones.register",
            "coordinator.work.lease",
            "storage.artifacts.create",
            "storage.runs.commit",
            "storage.stages.create",
        )
    ),
    # Follows its siblings, and takes the inner steps that no caller may take himself.
    "service": Rule(
        includes=("viewer",),
        grants=(
            "audit.entries.append",
            "auth.keys.introspect",
            "storage.artifacts.create",
            "storage.runs.commit",
            "storage.stages.create",
        ),
    ),
}


class UnknownPermission(Exception):
    """A rule grants or withholds what no contract declares, so auth does not start: a bug, of a rule or of a contract."""


class Roles:
    """The permissions of each role, out of those that the contracts declare.

    Raises:
        UnknownPermission: a pattern of a rule matches no declared permission.
    """

    def __init__(self, declared: Iterable[str], rules: Mapping[str, Rule] = RULES) -> None:
        self._declared = frozenset(declared)
        self._rules = rules
        self._permissions = {role: self._of(rule) for role, rule in rules.items()}

    def permissions(self, roles: Iterable[str]) -> frozenset[str]:
        """Return all that the roles give together; a role that is none gives nothing."""
        return frozenset[str]().union(*(self._permissions.get(role, frozenset()) for role in roles))

    def _of(self, rule: Rule) -> frozenset[str]:
        included = frozenset[str]().union(*(self._of(self._rules[role]) for role in rule.includes))
        return (included | self._matching(rule.grants)) - self._matching(rule.withholds)

    def _matching(self, patterns: Iterable[str]) -> frozenset[str]:
        found = {pattern: {name for name in self._declared if fnmatchcase(name, pattern)} for pattern in patterns}
        if unknown := [pattern for pattern, names in found.items() if not names]:
            raise UnknownPermission(f"no contract declares {', '.join(unknown)}")
        return frozenset[str]().union(*found.values())
