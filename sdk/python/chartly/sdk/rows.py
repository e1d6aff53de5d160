"""Rows of a dataset as they stream: lines of JSON, the last of which says that all came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chartly.sdk.errors import ChartlyError, DataLoss, error_of_status
from google.protobuf import json_format
from google.rpc import status_pb2

#: `{"record_id", "run_id", "observed_at", "dims": {}, "measures": {}}`. A decimal and an integer beyond ±2^53 are strings.
Row = dict[str, Any]


class RowDecoder:
    """Makes rows of chunks of bytes, wherever they are cut."""

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id
        self._rest = b""
        self._row_count = 0
        self._ended = False

    def rows(self, chunk: bytes) -> Iterator[Row]:
        """Yield the rows that a chunk completes.

        Raises:
            ChartlyError: the stream says that it failed.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            row = json.loads(line)
            if "record_id" not in row:
                self._end(row)
                return
            self._row_count += 1
            yield row

    def check_end(self) -> None:
        """Check that the last row has come.

        Raises:
            DataLoss: the stream was cut.
        """
        if not self._ended:
            raise cut(self._row_count, self._request_id)

    def _end(self, marker: dict[str, Any]) -> None:
        check_marker(marker, self._row_count, self._request_id)
        self._ended = True


def check_marker(marker: dict[str, Any], row_count: int, request_id: str) -> None:
    """Check what the end of a stream says, `{"end": {"row_count": 17}}` or `{"error": {…}}`, against the rows that came.

    Raises:
        DataLoss: other rows came.
        ChartlyError: the stream says that it failed.
    """
    if "error" in marker:
        raise failed(marker["error"], request_id)
    if marker["end"]["row_count"] != row_count:
        raise cut(row_count, request_id)


def failed(status: dict[str, Any], request_id: str) -> ChartlyError:
    """Return the error that a stream ends with."""
    return error_of_status(json_format.ParseDict(status, status_pb2.Status()), request_id)


def cut(row_count: int, request_id: str) -> DataLoss:
    """Return the error of a stream without its end."""
    return DataLoss(f"the stream was cut after {row_count} rows; read it again", request_id=request_id)
