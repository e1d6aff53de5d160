"""Pages become good rows and bad records with all their errors; nothing is dropped, and nothing is silently wrong."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rfc8785
from chartly import engine
from chartly.engine.mapped import Mapped
from chartly.engine.mapper import Mapper
from chartly.engine.pages import Format

FIELDS = """
dims: {origin: {type: string, required: true}}
measures: {delay: {type: integer}, temp: {type: number}}
"""


def a_plan(fields: str = FIELDS, source: str = "{file: {path: x}}", **keys: str) -> engine.Plan:
    more = "".join(f"{key}: {value}\n" for key, value in keys.items())
    return engine.compile_profile(engine.parse_profile(f"profile_id: p\nsource: {source}\n{more}{fields}".encode()))


def mapped(plan: engine.Plan, *pages: bytes | str, form: Format = "ndjson", check_fields: bool = False) -> Mapped:
    encoded = [page.encode() if isinstance(page, str) else page for page in pages]
    with Mapper(plan, check_fields=check_fields) as mapper:
        return mapper.map([engine.Page(number + 1, data, form) for number, data in enumerate(encoded)])


def rows(result: Mapped, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in result.accepted.to_pylist()]


def errors(result: Mapped) -> list[tuple[int, int, str, str, str]]:
    return [
        (
            bad["page"],
            bad["record"],
            error["reason"].removeprefix("RECORD_ERROR_REASON_"),
            error["field"],
            error["message"],
        )
        for bad in result.rejected.to_pylist()
        for error in bad["errors"]
    ]


def one_error(field: str, value: str) -> tuple[str, str]:
    """Return the reason and message of the error of a JSON value in a field."""
    result = mapped(a_plan(f"measures: {{x: {field}}}"), f'{{"x":{value}}}')
    [(_, _, reason, name, message)] = errors(result)
    assert name == "x"
    return reason, message


def test_records_become_rows_in_the_order_of_the_source() -> None:
    result = mapped(
        a_plan(),
        '{"origin":"EWR","delay":2,"temp":39.02}\n{"origin":"JFK","delay":null,"temp":1}\n',
        '{"origin":"LGA"}',
    )
    assert rows(result, "origin", "delay", "temp") == [("EWR", 2, 39.02), ("JFK", None, 1.0), ("LGA", None, None)]
    assert result.accepted.column_names == ["record_id", "observed_at", "origin", "delay", "temp"]
    assert (result.extracted, result.rejected.num_rows, result.filtered, result.warnings) == (3, 0, 0, {})


def test_a_record_is_known_by_the_digest_of_its_canonical_json() -> None:
    plan = a_plan(FIELDS + "observed_at: {source: time}\n")
    result = mapped(plan, '{"origin":"EWR","delay":9007199254740993,"temp":1.0,"time":"2013-01-01T05:00:00.25Z"}')
    record: dict[str, Any] = {
        "dims": {"origin": "EWR"},
        "measures": {"delay": "9007199254740993", "temp": 1},
        "observed_at": "2013-01-01T05:00:00.250Z",
    }
    assert rows(result, "record_id") == [(hashlib.sha256(rfc8785.dumps(record)).hexdigest(),)]
    assert rows(result, "delay") == [(9007199254740993,)]


def test_all_errors_of_a_record_are_kept_with_its_position_and_raw_form() -> None:
    bad = '{"delay":"late","temp":1e400}'
    result = mapped(a_plan(), '{"origin":"EWR"}', f'{{"origin":"JFK"}}\n{bad}')
    assert errors(result) == [
        (2, 2, "REQUIRED", "origin", "origin is required and has no value"),
        (2, 2, "TYPE_MISMATCH", "delay", 'delay "late" is not a number'),
        (2, 2, "OUT_OF_RANGE", "temp", 'temp "1e400" is beyond a double'),
    ]
    [record] = result.rejected.to_pylist()
    assert record["raw"] == bad
    assert [error["value_digest"] for error in record["errors"]] == [
        "",
        f"sha256:{hashlib.sha256(b'late').hexdigest()}",
        f"sha256:{hashlib.sha256(b'1e400').hexdigest()}",
    ]
    assert (result.extracted, result.accepted.num_rows, result.rejected.num_rows) == (3, 2, 1)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("{type: integer}", "1.0", 1),
        ("{type: integer}", '"1e3"', 1000),
        ("{type: integer}", "-9223372036854775808", -(2**63)),
        ("{type: number}", '"39.020"', 39.02),
        ("{type: number}", "-0.0", 0.0),
        ("{type: decimal, scale: 2}", "19.9", Decimal("19.90")),
        ("{type: decimal, scale: 20}", "0.10000000000000000555", Decimal("0.10000000000000000555")),
        ("{type: boolean}", '"TRUE"', True),
        ("{type: string}", "12", "12"),
        ("{type: string}", "1.10", "1.10"),
        ("{type: string}", "true", "true"),
        ("{type: date}", '"2013-01-31"', datetime.date(2013, 1, 31)),
        ("{type: date, format: '%d.%m.%y'}", '"31.01.13"', datetime.date(2013, 1, 31)),
        ("{type: integer, replace: {T: 0}}", '"T"', 0),
        ("{type: integer, null_values: [NA, -999]}", "-999.0", None),
        ("{type: integer, null_values: [NA], default: 7}", '"NA"', 7),
        ("{type: string, null_values: ['']}", '""', None),
        ("{type: string, source: a.b}", '{"b":"in"}', None),
    ],
)
def test_a_value_is_read_as_its_fields_type(field: str, value: str, expected: object) -> None:
    assert rows(mapped(a_plan(f"measures: {{x: {field}}}"), f'{{"x":{value}}}'), "x") == [(expected,)]


@pytest.mark.parametrize(
    ("field", "value", "reason", "message"),
    [
        ("{type: integer}", "1.5", "TYPE_MISMATCH", 'x "1.5" is not an integer'),
        ("{type: integer}", "true", "TYPE_MISMATCH", 'x "true" is not a number'),
        ("{type: integer}", "9223372036854775808", "OUT_OF_RANGE", 'x "9223372036854775808" is beyond 64 bits'),
        ("{type: number}", "NaN", "OUT_OF_RANGE", "x NaN is no value of JSON"),
        ("{type: number}", '"Infinity"', "OUT_OF_RANGE", 'x "Infinity" is not finite'),
        ("{type: number}", '" 1"', "TYPE_MISMATCH", 'x " 1" is not a number'),
        ("{type: decimal, scale: 2}", "19.999", "SCALE_EXCEEDED", 'x "19.999" has more than 2 digits after the point'),
        (
            "{type: decimal, scale: 30}",
            "123456789",
            "OUT_OF_RANGE",
            'x "123456789" has more than 8 digits before the point',
        ),
        ("{type: boolean}", "1", "TYPE_MISMATCH", 'x "1" is neither true nor false'),
        ("{type: string}", "[1]", "TYPE_MISMATCH", "x is a list, not a value"),
        ("{type: string}", '"\\ud800"', "INVALID_UTF8", "x has half of a surrogate pair"),
        ("{type: string, enum: [open, closed]}", '"locked"', "NOT_IN_ENUM", 'x "locked" not in [open, closed]'),
        ("{type: string, pattern: '^[A-Z]+$'}", '"abc"', "PATTERN_MISMATCH", 'x "abc" does not match ^[A-Z]+$'),
        ("{type: number, minimum: 0}", "-0.5", "BELOW_MINIMUM", 'x "-0.5" is below 0'),
        ("{type: decimal, scale: 1, maximum: 0.1}", "0.2", "ABOVE_MAXIMUM", 'x "0.2" is above 0.1'),
        ("{type: date}", '"2013-02-30"', "INVALID_TIME", 'x "2013-02-30" is not in the calendar'),
        ("{type: timestamp}", '"2013-01-01T05:00:00"', "INVALID_TIME", "has no offset, and the field no time_zone"),
        (
            "{type: timestamp, time_zone: Europe/Rome}",
            '"2013-03-31T02:30:00"',
            "INVALID_TIME",
            "does not exist in Europe/Rome",
        ),
        (
            "{type: timestamp, time_zone: Europe/Rome}",
            '"2013-10-27T02:30:00"',
            "INVALID_TIME",
            "exists twice in Europe/Rome",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_told(field: str, value: str, reason: str, message: str) -> None:
    found, text = one_error(field, value)
    assert found == reason
    assert message in text


def test_an_exact_bound_of_a_decimal_is_inside() -> None:
    assert rows(
        mapped(a_plan("measures: {x: {type: decimal, scale: 1, minimum: 0.1, maximum: 0.1}}"), '{"x":0.1}'), "x"
    ) == [(Decimal("0.1"),)]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("", "2013-07-01T12:00:00Z"),
        ("", "2013-07-01 14:00:00+02:00"),
        ("time_zone: Europe/Rome", "2013-07-01T14:00:00"),
        ("format: '%d/%m/%Y %H:%M', time_zone: Europe/Rome", "01/07/2013 14:00"),
        ("format: '%Y%m%dT%H%M%z'", "20130701T1400+0200"),
        ("format: epoch_seconds", "1372680000"),
        ("format: epoch_milliseconds", "1372680000000"),
    ],
)
def test_an_instant_is_kept_in_utc(rule: str, text: str) -> None:
    plan = a_plan(FIELDS, observed_at=f"{{{rule}}}" if rule else "{}")
    result = mapped(plan, json.dumps({"origin": "EWR", "observed_at": text}))
    assert rows(result, "observed_at") == [(datetime.datetime(2013, 7, 1, 12, tzinfo=datetime.UTC),)]


def test_a_record_without_its_instant_is_bad() -> None:
    result = mapped(a_plan(FIELDS, observed_at="{source: time}"), '{"origin":"EWR"}')
    assert errors(result) == [(1, 1, "REQUIRED", "observed_at", "observed_at is required and has no value")]


def test_severity_warn_makes_the_value_null_and_counts_it() -> None:
    result = mapped(
        a_plan("measures: {x: {type: integer, severity: warn, default: 3}}"), '{"x":"?"}\n{"x":1}\n{"x":1.5}\n{}'
    )
    assert rows(result, "x") == [(None,), (1,), (None,), (3,)]
    assert result.warnings == {"x": 2}


def test_severity_fail_fails_the_run() -> None:
    plan = a_plan("measures: {x: {type: integer, severity: fail}}")
    with pytest.raises(engine.ValueRefused, match=r'page 1, record 2: x "\?" is not a number') as refusal:
        mapped(plan, '{"x":1}\n{"x":"?"}')
    assert refusal.value.metadata == {"field": "x", "page": "1", "record": "2"}


def test_a_path_that_no_record_of_the_first_page_has_fails_the_run() -> None:
    plan = a_plan("measures: {delay: {type: integer, source: DepDelay}}")
    page = '{"dep_delay":1,"carrier":"UA"}\n{"dep_delay":null}'
    with pytest.raises(engine.SourceFieldMissing) as refusal:
        mapped(plan, page, check_fields=True)
    assert str(refusal.value) == 'delay: no record of page 1 has "DepDelay"; its keys: dep_delay, carrier'
    assert refusal.value.metadata == {"field": "delay", "source": "DepDelay", "keys": "dep_delay, carrier"}
    assert mapped(plan, page).accepted.num_rows == 2


@pytest.mark.parametrize("page", ['{"delay":null}', '{"other":1}\n{"delay":1}', "", "nonsense"])
def test_a_path_that_some_record_has_is_there(page: str) -> None:
    result = mapped(a_plan("measures: {delay: {type: integer}}"), page, '{"other":1}', check_fields=True)
    assert result.extracted == result.accepted.num_rows + result.rejected.num_rows


def test_a_field_with_a_default_may_be_missing() -> None:
    result = mapped(a_plan("measures: {delay: {type: integer, default: 0}}"), "{}", check_fields=True)
    assert rows(result, "delay") == [(0,)]


def test_a_dotted_path_leads_into_objects_and_a_whole_key_wins() -> None:
    plan = a_plan("dims: {login: {type: string, source: user.login}, id: {type: integer, source: user.id.n}}")
    page = '{"user":{"login":"a","id":{"n":5}}}\n{"user.login":"b","user":{"login":"c"}}\n{"user":"x"}\n{"user":null}'
    assert rows(mapped(plan, page), "login", "id") == [("a", 5), ("b", None), (None, None), (None, None)]


def test_keys_that_differ_by_case_are_two() -> None:
    plan = a_plan("dims: {a: {type: string, source: A}, b: {type: string, source: a}}")
    assert rows(mapped(plan, '{"A":"1","a":"2"}'), "a", "b") == [("1", "2")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"origin":"EWR"', "MALFORMED"),
        (b"origin", "MALFORMED"),
        (b"[1]", "MALFORMED"),
        (b"null", "MALFORMED"),
        (b'{"origin":"EWR",}', "MALFORMED"),
        (b'{"origin":"EWR","delay":01}', "MALFORMED"),
        (b'{"origin":"E\xff"}', "INVALID_UTF8"),
        (b'{"origin":"EWR","origin":"JFK"}', "DUPLICATE_KEY"),
        (b"{" * 100_000, "MALFORMED"),
    ],
)
def test_a_line_that_is_no_good_object_goes_to_quarantine(line: bytes, reason: str) -> None:
    result = mapped(a_plan(), b'{"origin":"JFK"}\n' + line + b'\n\n{"origin":"LGA"}\n')
    assert rows(result, "origin") == [("JFK",), ("LGA",)]
    [(page, record, found, _, _)] = errors(result)
    assert (page, record, found) == (1, 2, reason)
    assert "\n" not in result.rejected["raw"][0].as_py()
    json.loads(result.rejected["raw"][0].as_py())


def test_pieces_of_a_page_keep_the_positions_of_its_records() -> None:
    with Mapper(a_plan()) as mapper:
        pieces = [
            engine.Page(1, b'{"origin":"A","delay":1,"temp":1}\n{}', "ndjson"),
            engine.Page(1, b"{}", "ndjson", first_record=3),
        ]
        result = mapper.map(pieces)
    assert [(page, record) for page, record, *_ in errors(result)] == [(1, 2), (1, 3)]


@pytest.mark.parametrize(
    ("page", "path"),
    [
        ('[{"origin":"A"},{"origin":"B"}]', ""),
        ('{"data":{"items":[{"origin":"A"},{"origin":"B"}]},"next":1.1000000000000000001}', "data.items"),
        ('{"a":[1],"data":{"x":"\\"","items": [ {"origin":"A"} , {"origin":"B"} ]}}', "data.items"),
    ],
)
def test_records_stand_at_their_path_in_a_json_page(page: str, path: str) -> None:
    plan = a_plan(source=f"{{file: {{path: x}}, records: {{path: '{path}'}}}}")
    assert rows(mapped(plan, page, form="json"), "origin") == [("A",), ("B",)]


def test_an_object_is_one_record_and_an_empty_list_none() -> None:
    assert rows(mapped(a_plan(), '{"origin":"A"}', "[]", form="json"), "origin") == [("A",)]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (b"<!doctype html>", "page 1 is not JSON"),
        (b'[{"origin":"A"}', "page 1 is not JSON"),
        (b'{"rows":[],"paging":{}}', 'records.path "data.items" is not in the page; its keys: rows, paging'),
        (b'{"data":{"items":5}}', 'records.path "data.items" leads to a value that is no list of records'),
        (b"[]", 'records.path "data.items" is not in the page; there is no object with keys'),
    ],
)
def test_a_page_without_records_cannot_be_read(page: bytes, message: str) -> None:
    plan = a_plan(source="{file: {path: x}, records: {path: data.items}}")
    with pytest.raises(engine.UnreadablePage, match=message):
        mapped(plan, page, form="json")


@pytest.mark.parametrize("record", ['{"origin":"A","deep":%s}', '{"origin":%s}', "%s"])
def test_what_is_nested_without_end_does_no_harm(record: str) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    line = mapped(a_plan(), record % deep)
    assert line.extracted == line.accepted.num_rows + line.rejected.num_rows == 1
    with pytest.raises(engine.UnreadablePage, match="page 1 is nested too deeply"):
        mapped(a_plan(), f"[{record % deep},5]", form="json")


def test_wrong_bytes_in_a_json_page_cost_their_record_alone() -> None:
    result = mapped(a_plan(), b'[{"origin":"A"},{"origin":"\xff"},{"origin":"B"},5]', form="json")
    assert rows(result, "origin") == [("A",), ("B",)]
    assert [(record, reason) for _, record, reason, _, _ in errors(result)] == [(2, "INVALID_UTF8"), (4, "MALFORMED")]


def test_quarantine_keeps_the_text_of_a_listed_record_as_it_came() -> None:
    result = mapped(a_plan(), '[{"origin":"A"}, {"delay":\n 1.50 }]', form="json")
    assert result.rejected["raw"].to_pylist() == ['{"delay":  1.50 }']


def test_csv_is_text_and_its_empty_fields_are_no_values() -> None:
    page = 'origin,delay,temp,x\nEWR,2,39.02,\n"J""F\nK",,NA,1\r\n\nLGA,-1.0,1e1,"a,b"'
    result = mapped(a_plan("dims: {origin: {type: string}}\nmeasures: {delay: {type: integer}}"), page, form="csv")
    assert rows(result, "origin", "delay") == [("EWR", 2), ('J"F\nK', None), ("LGA", -1)]


def test_csv_options_are_kept() -> None:
    plan = a_plan(source='{file: {path: x, csv: {delimiter: ";", null_values: ["NA"]}}}')
    result = mapped(plan, "\ufefforigin;delay;temp\nEWR;NA;1\n;1;1", form="csv")
    assert rows(result, "origin", "delay") == [("EWR", None), ("", 1)]


def test_ragged_rows_of_csv_go_to_quarantine_with_their_text() -> None:
    page = b'origin,delay,temp\nEWR,1,1\nJFK,2\nLGA,3,3,3\nA\xff,4,4\n"x,\ny",5\nEWR,6,6\n'
    result = mapped(a_plan(), page, form="csv", check_fields=True)
    assert rows(result, "delay") == [(1,), (6,)]
    assert [(record, reason) for _, record, reason, _, _ in errors(result)] == [
        (2, "MALFORMED"),
        (3, "MALFORMED"),
        (4, "INVALID_UTF8"),
        (5, "MALFORMED"),
    ]
    assert [json.loads(raw) for raw in result.rejected["raw"].to_pylist()] == [
        "JFK,2",
        "LGA,3,3,3",
        "A\ufffd,4,4",
        '"x,\ny",5',
    ]
    assert errors(result)[0][4] == "the record has 2 fields where the first row names 3"
    assert result.extracted == 6


def test_csv_with_two_columns_of_one_name_cannot_be_read() -> None:
    with pytest.raises(engine.UnreadablePage, match='two columns "a"'):
        mapped(a_plan(), "a,b,a\n1,2,3", form="csv")


def test_a_csv_without_a_column_says_so() -> None:
    with pytest.raises(
        engine.SourceFieldMissing, match='delay: no record of page 1 has "delay"; its keys: origin, temp'
    ):
        mapped(a_plan(), "origin,temp\nEWR,1\n", form="csv", check_fields=True)


def parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def test_parquet_of_any_types_is_read_by_the_same_rules() -> None:
    table = pa.table(
        {
            "origin": pa.array(["EWR", "JFK", None]).dictionary_encode(),
            "delay": pa.array([1.0, 1.5, None]),
            "temp": pa.array([0.1, None, 1], pa.float32()),
            "time": pa.array([0, 1, 2], pa.timestamp("ns", "Europe/Rome")),
            "nested": [{"a": 1}, {"a": 2}, None],
        }
    )
    fields = FIELDS.replace("temp: {", "temp: {source: temp, ")
    result = mapped(a_plan(fields, observed_at="{source: time, format: '%Y'}"), parquet(table), form="parquet")
    assert rows(result, "origin", "delay", "temp") == [("EWR", 1, 0.10000000149011612)]
    assert [(record, reason, field) for _, record, reason, field, _ in errors(result)] == [
        (2, "TYPE_MISMATCH", "delay"),
        (3, "REQUIRED", "origin"),
    ]
    assert json.loads(result.rejected["raw"][0].as_py()) == {
        "origin": "JFK",
        "delay": "1.5",
        "temp": None,
        "time": "1970-01-01T00:00:00.000000Z",
        "nested": '{"a":2}',
    }


def test_parquet_that_is_none_cannot_be_read() -> None:
    with pytest.raises(engine.UnreadablePage, match="page 1 is not Parquet"):
        mapped(a_plan(), b"PAR1", form="parquet")
    with pytest.raises(engine.UnreadablePage, match='column "origin" of page 1 is list'):
        mapped(a_plan(), parquet(pa.table({"origin": [["EWR"]]})), form="parquet")


def test_parquet_of_types_that_duckdb_does_not_know_is_read_too() -> None:
    digits = "1" * 45 + ".25"
    table = pa.table({
        "origin": pa.array([Decimal(digits), None], pa.decimal256(60, 2)),
        "temp": pa.array([1.5, None], pa.float16()),
        "delay": ["late", "1"],
    })  # fmt: skip
    result = mapped(a_plan(FIELDS.replace(", required: true", "")), parquet(table), form="parquet")
    assert rows(result, "origin", "temp", "delay") == [(None, None, 1)]
    assert json.loads(result.rejected["raw"][0].as_py()) == {"origin": digits, "temp": "1.5", "delay": "late"}


def test_parquet_with_texts_that_are_no_utf8_cannot_be_read() -> None:
    offsets = pa.py_buffer(bytes([0, 0, 0, 0, 1, 0, 0, 0]))
    broken = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(b"\xff")])
    with pytest.raises(engine.UnreadablePage, match="Invalid UTF8"):
        mapped(a_plan(), parquet(pa.table({"origin": broken})), form="parquet")


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
def test_quarantined_records_can_be_mapped_again(form: Format) -> None:
    pages: dict[str, bytes] = {
        "ndjson": b'{"origin":"EWR","precip":"T"}\n{"origin":"JFK","precip":0.5}',
        "csv": b"origin,precip\nEWR,T\nJFK,0.5",
        "parquet": parquet(pa.table({"origin": ["EWR", "JFK"], "precip": ["T", "0.5"]})),
    }
    fields = "dims: {origin: {type: string}}\nmeasures: {precip: {type: number%s}}"
    first = mapped(a_plan(fields % ""), pages[form], form=form)
    assert rows(first, "origin", "precip") == [("JFK", 0.5)]
    again = mapped(a_plan(fields % ", replace: {T: 0}"), "\n".join(first.rejected["raw"].to_pylist()))
    assert rows(again, "origin", "precip") == [("EWR", 0.0)]


def test_no_page_and_no_record_are_no_rows() -> None:
    for result in (
        mapped(a_plan()),
        mapped(a_plan(), ""),
        mapped(a_plan(), "", form="csv"),
        mapped(a_plan(), "origin", form="csv"),
    ):
        assert (result.extracted, result.accepted.num_rows, result.rejected.num_rows) == (0, 0, 0)


def test_a_batch_is_the_same_whatever_its_pages() -> None:
    lines = [
        json.dumps({"origin": str(index), "delay": index if index % 7 else "x", "temp": index / 3})
        for index in range(500)
    ]
    whole = mapped(a_plan(), "\n".join(lines))
    parts = mapped(a_plan(), *("\n".join(lines[start : start + 30]) for start in range(0, 500, 30)))
    assert parts.accepted.equals(whole.accepted)
    assert parts.rejected.drop_columns(["page", "record"]).equals(whole.rejected.drop_columns(["page", "record"]))
