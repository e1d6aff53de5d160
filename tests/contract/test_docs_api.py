"""docs/API.md names every REST route of the contracts, and none that there is not."""

import re
from collections.abc import Iterator
from importlib import import_module

from chartly.api.errors.v1 import error_reason_pb2
from chartly.api.options.v1 import options_pb2
from chartly.api.run.v1 import run_pb2
from chartly.runtime.settings import PORTS
from docs_pages import PAGES, read, rows, spans
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor

PAGE = read("docs/API.md")
ROUTE = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S*)")


def methods() -> Iterator[MethodDescriptor]:
    for name in PORTS:
        for service in import_module(f"chartly.api.{name}.v1.{name}_pb2").DESCRIPTOR.services_by_name.values():
            yield from service.methods


def route_of(method: MethodDescriptor) -> str:
    """Return a method's route, as in `GET /api/runs`; empty for one that only gRPC has."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    return f"{verb.upper()} {getattr(rule, verb)}" if verb else ""


def test_the_tables_have_every_route_once_and_no_other() -> None:
    named = [match[0] for cells in rows(PAGE) if (match := ROUTE.fullmatch(cells[0].strip("`")))]
    assert sorted(named) == sorted(filter(None, map(route_of, methods())))


def test_every_route_in_the_prose_of_a_page_exists() -> None:
    known = set(map(route_of, methods()))
    for page in PAGES:
        for span in spans(page.read_text()):
            if (match := ROUTE.fullmatch(span)) and match[2] != "/metrics":
                assert f"{match[1]} {match[2].partition('?')[0]}" in known, f"{page.name}: {span}"


def test_what_is_public_is_what_the_page_says() -> None:
    public = {route_of(method) for method in methods() if method.GetOptions().Extensions[options_pb2.public]}
    assert public == {"GET /health", "GET /openapi.json"}
    assert "Only\n`GET /health` and `GET /openapi.json` never ask for a key" in PAGE


def test_every_parameter_in_the_tables_is_a_field_of_its_method() -> None:
    fields = {route_of(method): {field.name for field in method.input_type.fields} for method in methods()}
    for cells in rows(PAGE):
        route = cells[0].strip("`")
        if route in fields:
            named = {span.partition(".")[0] for span in spans(cells[1]) if re.fullmatch(r"[a-z]+_[a-z._]+", span)}
            assert named <= fields[route], route


def test_every_value_of_an_enum_that_a_page_names_exists() -> None:
    known = {*error_reason_pb2.ErrorReason.keys(), *run_pb2.RunState.keys(), *run_pb2.RecordErrorReason.keys()}
    for page in PAGES:
        named = set(re.findall(r"\b(?:ERROR_REASON|RUN_STATE|RECORD_ERROR_REASON)_[A-Z0-9_]+", page.read_text()))
        assert named <= known, page.name
