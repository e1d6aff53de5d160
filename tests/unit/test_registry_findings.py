"""How many findings are told one by one, and where large documents are compared."""

from __future__ import annotations

import threading

import pytest
from chartly.contracts import Finding, Layer, Mode, documents, refused
from chartly.contracts.documents import Kind, Source
from chartly.contracts.report import verdicts
from chartly.registry import contract_evolution as evolution
from chartly.registry.contract_evolution import Earlier
from chartly.registry.contract_forms import apart, sources_of


def a_schema(*fields: str) -> Source:
    properties = ", ".join(f'"{name}": {{"type": "string"}}' for name in fields)
    text = f'{{"type": "object", "additionalProperties": false, "properties": {{{properties}}}}}'
    return Source(Kind.JSON_SCHEMA, {"schema.json": text})


def test_of_many_findings_a_thousand_are_told_and_the_rest_is_counted() -> None:
    old, new = (documents.read(a_schema(*names)) for names in ((f"f{i}" for i in range(1200)), ("other",)))

    judgement = evolution.judge([Earlier("1.0.0", old)], new, Mode.BACKWARD)
    every = documents.compare(old, new)

    assert len(every) == 1201
    assert len(judgement.changes) == 1001
    rest = judgement.changes[-1]
    assert (rest.rule, rest.against) == ("MORE_CHANGES", "1.0.0")
    assert rest.message.startswith("201 more changes, 201 of which break something")
    assert judgement.smallest_version == "2.0.0"


@pytest.mark.parametrize("mode", list(Mode))
def test_verdicts_and_what_a_mode_allows_do_not_depend_on_how_many_are_told(mode: Mode) -> None:
    findings = [
        *(Finding(Layer.SOURCE, "GONE", f"a{i}", "gone", breaks_backward=True) for i in range(3)),
        *(Finding(Layer.JSON, "MORE", f"b{i}", "more", breaks_forward=True) for i in range(3)),
        *(Finding(Layer.RULES, "WORDS", f"c{i}", "words") for i in range(3)),
    ]

    for most in range(10):
        told = evolution.capped(findings, most)
        assert verdicts(told, Layer) == verdicts(findings, Layer)
        assert bool(refused(mode, told)) == bool(refused(mode, findings))
    assert evolution.capped(findings, 9) == tuple(findings)


async def test_large_documents_are_compared_in_another_thread_and_small_ones_are_not() -> None:
    small, large = a_schema("a"), a_schema(*(f"field_{i}" for i in range(1000)))
    forms = [documents.read(large)]

    assert await apart([small], threading.get_ident) == threading.get_ident()
    assert await apart(sources_of(forms), threading.get_ident) != threading.get_ident()
