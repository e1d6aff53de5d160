"""Roles are sets of declared permissions."""

from itertools import pairwise

import pytest
from chartly.auth.permissions import declared_permissions
from chartly.auth.roles import ANONYMOUS_ROLE, RULES, Roles, Rule, UnknownPermission

ROLES = Roles(declared_permissions())


def test_each_role_of_people_may_all_that_the_one_before_may() -> None:
    ladder = [ROLES.permissions([role]) for role in ("viewer", "operator", "editor", "admin")]
    assert all(less < more for less, more in pairwise(ladder))


def test_a_viewer_reads_all_but_keys_and_changes_nothing() -> None:
    reads = {name for name in declared_permissions() if name.endswith(".read")}
    assert ROLES.permissions([ANONYMOUS_ROLE]) == reads - {"auth.keys.read"}


def test_every_permission_is_given_to_some_role() -> None:
    assert ROLES.permissions(RULES) == declared_permissions()


def test_only_services_write_the_ledger() -> None:
    assert [role for role in RULES if "audit.entries.append" in ROLES.permissions([role])] == ["service"]


def test_roles_add_up() -> None:
    both = ROLES.permissions(["drone", "viewer"])
    assert both == ROLES.permissions(["drone"]) | ROLES.permissions(["viewer"])


def test_an_unknown_role_gives_nothing() -> None:
    assert ROLES.permissions(["emperor"]) == frozenset()
    assert ROLES.permissions([]) == frozenset()


def test_a_rule_that_names_what_no_contract_declares_is_refused() -> None:
    with pytest.raises(UnknownPermission, match=r"auth\.keys\.forge"):
        Roles({"auth.keys.read"}, {"viewer": Rule(grants=("auth.keys.forge",))})
