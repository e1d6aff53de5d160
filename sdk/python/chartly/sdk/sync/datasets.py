# Made by `make gen` from aio/; edits are overwritten.
"""Datasets and artifacts."""

from __future__ import annotations

from collections.abc import Iterator

from chartly.api.storage.v1 import storage_pb2 as pb
from chartly.sdk.rows import Row, RowDecoder
from chartly.sdk.sync.batches import Batches
from chartly.sdk.sync.bodies import Body, Source, chunks_of
from chartly.sdk.sync.connection import Connection, Requests
from google.api.httpbody_pb2 import HttpBody


class Datasets:
    """Datasets, their versions and their rows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, *, page_size: int = 0, timeout: float | None = None) -> Iterator[pb.Dataset]:
        """Iterate over datasets by name, without their digests."""
        request = pb.ListDatasetsRequest(page_size=page_size)
        return self._connection.pages(request, pb.ListDatasetsResponse, lambda page: page.datasets, timeout)

    def get(self, dataset_id: str, *, timeout: float | None = None) -> pb.Dataset:
        """Return a dataset as of its latest version, with its digest."""
        request = pb.GetDatasetRequest(dataset_id=dataset_id)
        return self._connection.call(request, pb.GetDatasetResponse, timeout).dataset

    def versions(self, dataset_id: str, *, page_size: int = 0, timeout: float | None = None) -> Iterator[pb.Commit]:
        """Iterate over the versions, each a commit, newest first."""
        request = pb.ListDatasetVersionsRequest(dataset_id=dataset_id, page_size=page_size)
        return self._connection.pages(request, pb.ListDatasetVersionsResponse, lambda page: page.versions, timeout)

    def read(self, dataset_id: str, *, version: int = 0, timeout: float | None = None) -> Batches:
        """Read the rows as Arrow batches, or as a whole for pyarrow, pandas or polars; version 0 is the latest."""
        return Batches(self.download(dataset_id, version=version, format="arrow", timeout=timeout))

    def records(self, dataset_id: str, *, version: int = 0, timeout: float | None = None) -> Iterator[Row]:
        """Iterate over the rows as dictionaries; version 0 is the latest.

        Raises:
            DataLoss: the stream was cut.
        """
        body = self.download(dataset_id, version=version, format="ndjson", timeout=timeout)
        decoder = RowDecoder(body.stream.request_id)
        try:
            for chunk in body:
                yield from decoder.rows(chunk)
        finally:
            body.cancel()
        decoder.check_end()

    def download(self, dataset_id: str, *, version: int = 0, format: str = "", timeout: float | None = None) -> Body:
        """Read the rows as a file, `csv`, `parquet`, `ndjson` or `arrow`; the last two end with a marker that is left in."""
        request = pb.ReadDatasetRequest(dataset_id=dataset_id, version=version, format=format)
        return Body(self._connection.stream(request, HttpBody, timeout))


class Artifacts:
    """Bytes under their digest."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(
        self, source: Source, *, media_type: str = "application/octet-stream", timeout: float | None = None
    ) -> pb.Artifact:
        """Keep bytes, once for all who bring the same."""
        requests = Requests(pb.PutArtifactRequest, _messages(media_type, source))
        return self._connection.send(requests, pb.PutArtifactResponse, timeout).artifact

    def get(self, digest: str, *, timeout: float | None = None) -> Body:
        """Read the bytes of an artifact, `sha256:…`."""
        return Body(self._connection.stream(pb.GetArtifactRequest(digest=digest), HttpBody, timeout))


def _messages(media_type: str, source: Source) -> Iterator[pb.PutArtifactRequest]:
    yield pb.PutArtifactRequest(body=HttpBody(content_type=media_type))
    for chunk in chunks_of(source):
        yield pb.PutArtifactRequest(body=HttpBody(data=chunk))
