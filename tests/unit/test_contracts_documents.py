"""Contracts of every kind by one set of verbs."""

from __future__ import annotations

import pytest
from chartly.contracts.documents import Kind, ProtoForm, Source, compare, read
from chartly.contracts.report import Layer

FILES = {
    "a.proto": 'syntax = "proto3"; package shop; message Order { Item item = 1; message Item {} } message Return {}',
    "b.proto": 'syntax = "proto3"; package shop; message Payment {}',
}


def of_protos(files: dict[str, str], message: str = "") -> ProtoForm:
    form = read(Source(Kind.PROTO, files, message))
    assert isinstance(form, ProtoForm)
    return form


def test_the_message_of_records_does_not_depend_on_the_order_of_files() -> None:
    forms = [of_protos(dict(pairs)) for pairs in (FILES.items(), reversed(FILES.items()))]
    assert len({form.digest for form in forms}) == 1
    assert {form.message for form in forms} == {"shop.Order"}


def test_files_without_a_message_are_passed_over() -> None:
    form = of_protos(FILES | {"_enums.proto": 'syntax = "proto3"; package shop; enum State { STATE_NEW = 0; }'})
    assert form.message == "shop.Order"


@pytest.mark.parametrize(("named", "text"), [("shop.Payment", "now against shop.Payment"), ("shop.Return", "Return")])
def test_another_message_of_records_breaks_both_ways(named: str, text: str) -> None:
    findings = compare(of_protos(FILES), of_protos(FILES, named))
    assert [each.layer for each in findings] == [Layer.JSON, Layer.RULES]
    for each in findings:
        assert (each.rule, each.path) == ("RECORD_MESSAGE_CHANGED", "shop.Order")
        assert each.breaks_backward
        assert each.breaks_forward
        assert text in each.message
        assert each.advice


def test_naming_the_message_that_it_is_anyway_changes_nothing() -> None:
    assert compare(of_protos(FILES), of_protos(FILES, "shop.Order")) == ()


def test_a_first_message_breaks_nothing() -> None:
    empty = of_protos({"a.proto": 'syntax = "proto3"; package shop;'})
    assert "RECORD_MESSAGE_CHANGED" not in {each.rule for each in compare(empty, of_protos(FILES))}
