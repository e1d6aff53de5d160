"""Datasets to read: their snapshots in storage, their columns, and their rows as a source of DuckDB's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import grpc
from chartly.api.storage.v1 import storage_pb2 as pb
from chartly.api.storage.v1.storage_pb2_grpc import StorageServiceStub
from chartly.runtime import Clients
from chartly.runtime.files import path_of

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dataset:
    """A version of a dataset that stays readable while it is open."""

    profile_id: str
    snapshot: pb.OpenSnapshotResponse

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns; the metadata of each field say whether it is a dim or a measure."""
        import pyarrow as pa

        return pa.ipc.read_schema(pa.py_buffer(self.snapshot.arrow_schema))

    def names_of(self, kind: str) -> list[str]:
        """Return the names of the columns of a kind: `dim` or `measure`."""
        return [field.name for field in self.schema if (field.metadata or {}).get(b"kind", b"").decode() == kind]

    def source(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return what can stand after FROM for the rows; DuckDB reads the columns and row groups that a query needs.

        A file may be older than a column, so the rows take their columns from an empty table of the schema.
        """
        connection.register(name, self.schema.empty_table())
        if not self.snapshot.file_uris:
            return name
        files = ", ".join(_text(str(path_of(uri))) for uri in self.snapshot.file_uris)
        return f"(FROM {name} UNION ALL BY NAME FROM read_parquet([{files}], union_by_name = true))"


@asynccontextmanager
async def open_datasets(clients: Clients, profile_ids: Iterable[str]) -> AsyncIterator[Mapping[str, Dataset]]:
    """Open the latest version of each profile's dataset, as the caller may, and close them all at the end."""
    storage: StorageServiceStub = clients.stub(StorageServiceStub)
    opened: dict[str, Dataset] = {}
    try:
        for profile_id in profile_ids:
            answer = await storage.OpenSnapshot(pb.OpenSnapshotRequest(dataset_id=profile_id))
            opened[profile_id] = Dataset(profile_id, answer)
        yield opened
    finally:
        await asyncio.shield(_close(storage, opened.values()))


async def _close(storage: Any, datasets: Iterable[Dataset]) -> None:
    for dataset in datasets:
        try:
            await storage.CloseSnapshot(pb.CloseSnapshotRequest(snapshot_id=dataset.snapshot.snapshot_id))
        except grpc.aio.AioRpcError as error:  # Its lease runs out, so the answer is not worth less.
            logger.warning("snapshot not closed", extra={"dataset_id": dataset.profile_id, "error": error.details()})


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
