"""What no rule of a profile can say: that time zones exist, patterns compile, and constants fit their field."""

from __future__ import annotations

import re

from chartly.api.profile.v1 import profile_pb2
from chartly.engine.binding import Binding, Path, path_text
from chartly.engine.plan import Column
from chartly.engine.reading import ColumnReader
from chartly.engine.values import Unfit, text_of
from chartly.engine.zones import UnknownZone, zone
from google.protobuf.struct_pb2 import Value

_EPOCHS = frozenset(("epoch_seconds", "epoch_milliseconds"))
_DIRECTIVES = frozenset("YymdHIMSfpbBaAjz%")
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)


def check_semantics(profile: profile_pb2.Profile, binding: Binding) -> None:
    """Add what is wrong with a profile whose keys and types are right.

    Reasons: UNKNOWN_TIME_ZONE, INVALID_PATTERN, INVALID_FORMAT, INVALID_PATH, INVALID_DELIMITER, VALUE_UNFIT.
    """
    for kind in ("dims", "measures"):
        fields = getattr(profile, kind)
        for name in sorted(fields):
            _check_field(fields[name], (kind, name), binding)
    _check_time(profile.observed_at.format, profile.observed_at.time_zone, ("observed_at",), binding)
    _check_source(profile.observed_at.source, ("observed_at", "source"), binding)
    _check_source(profile.source.records.path, ("source", "records", "path"), binding)
    _check_delimiter(profile.source.file.csv.delimiter, ("source", "file", "csv", "delimiter"), binding)


def _check_field(field: profile_pb2.Field, path: Path, binding: Binding) -> None:
    _check_time(field.format, field.time_zone, path, binding)
    _check_source(field.source, (*path, "source"), binding)
    _check_pattern(field, path, binding)
    if field.type != "decimal" or field.HasField("scale"):
        _check_constants(field, path, binding)
    for index, value in enumerate(field.null_values):
        _check_scalar(value, (*path, "null_values", index), binding)


def _check_constants(field: profile_pb2.Field, path: Path, binding: Binding) -> None:
    if field.HasField("default"):
        _check_constant(field, field.default, (*path, "default"), binding)
    for index, value in enumerate(field.enum):
        _check_constant(field, value, (*path, "enum", index), binding)
    _check_enum_type(field, path, binding)
    for key in sorted(field.replace):
        if field.replace[key] not in field.null_values:
            _check_constant(field, field.replace[key], (*path, "replace", key), binding)


def _check_time(form: str, time_zone: str, path: Path, binding: Binding) -> None:
    if time_zone and not _is_time_zone(time_zone):
        message = f'time_zone "{time_zone}" is no IANA time zone, as Europe/Rome is'
        binding.report_at((*path, "time_zone"), "UNKNOWN_TIME_ZONE", message)
    if form and form not in _EPOCHS and (wrong := _wrong_in_format(form)):
        binding.report_at((*path, "format"), "INVALID_FORMAT", f'format "{form}" {wrong}')


def _wrong_in_format(form: str) -> str:
    directives = _DIRECTIVE.findall(form)
    if unknown := [f"%{letter}" for letter in directives if letter not in _DIRECTIVES or not letter]:
        return f"has {', '.join(unknown)}, which is not understood; known are %{' %'.join(sorted(_DIRECTIVES))}"
    if not {"Y", "y"} & set(directives):
        return "has no year (%Y or %y), nor is it epoch_seconds or epoch_milliseconds"
    return "has hours to 12 (%I) without AM or PM (%p)" if "I" in directives and "p" not in directives else ""


def _is_time_zone(name: str) -> bool:
    try:
        zone(name)
    except UnknownZone:
        return False
    return True


def _check_source(source: str, path: Path, binding: Binding) -> None:
    if any(not part for part in source.split(".")) and source:
        binding.report_at(path, "INVALID_PATH", f'{path_text(path)} "{source}" has an empty part between its dots')


def _check_delimiter(delimiter: str, path: Path, binding: Binding) -> None:
    if delimiter and (not delimiter.isascii() or delimiter in '"\r\n\0'):
        message = f"{path_text(path)} {delimiter!r} cannot stand between fields; take a comma, a semicolon or a tab"
        binding.report_at(path, "INVALID_DELIMITER", message)


def _check_pattern(field: profile_pb2.Field, path: Path, binding: Binding) -> None:
    if not field.pattern:
        return
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), field.pattern)
    except pa.ArrowInvalid as error:
        message = str(error).removeprefix("Invalid regular expression: ")
        binding.report_at((*path, "pattern"), "INVALID_PATTERN", f"pattern is no regular expression of RE2: {message}")


def _check_constant(field: profile_pb2.Field, value: Value, path: Path, binding: Binding) -> None:
    try:
        if (text := text_of(value)) is not None:
            _reader(field).constant(text)
    except Unfit as error:
        binding.report_at(path, "VALUE_UNFIT", f"{path_text(path)}: {error}")


def _reader(field: profile_pb2.Field) -> ColumnReader:
    zone = field.time_zone if _is_time_zone(field.time_zone or "UTC") else ""
    return ColumnReader(
        Column("", "dim", field.type, "", scale=min(max(field.scale, 0), 38), format=field.format, time_zone=zone)
    )


def _check_enum_type(field: profile_pb2.Field, path: Path, binding: Binding) -> None:
    if any(value.WhichOneof("kind") == "null_value" for value in field.enum):
        message = f"{path_text(path)}.enum: null is no value; a field that is not required may lack one anyway"
        binding.report_at((*path, "enum"), "VALUE_UNFIT", message)


def _check_scalar(value: Value, path: Path, binding: Binding) -> None:
    try:
        text_of(value)
    except Unfit as error:
        binding.report_at(path, "VALUE_UNFIT", f"{path_text(path)} {error}")
