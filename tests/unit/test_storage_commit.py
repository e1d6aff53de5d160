"""CommitRun: what a run that commits leaves, and what is refused with nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chartly.api.run.v1 import run_pb2
from chartly.api.storage.v1 import storage_pb2 as pb
from chartly.runtime.errors import ChartlyError
from chartly.storage.errors import (
    FencingTokenStale,
    IncompatibleChange,
    ReceiptMismatch,
    StagedFileInvalid,
    StageNotFound,
)

MILAN, ROME = ("MI01", 5, 1), ("RM01", 7, 2)


async def test_a_first_run_is_committed_by_reference(storage: Any) -> None:
    request = await storage.stage("first", [[MILAN, MILAN], [ROME]])
    staged = [storage.inode(f"stages/{request.stage_id}/data/{file.name}") for file in request.data_files]
    commit = await storage.commit(request)
    assert (commit.version, commit.sequence, commit.row_count) == (1, 1, 3)
    assert (commit.receipt.extracted, commit.receipt.delivered, commit.receipt.deduplicated) == (3, 3, 0)
    assert await storage.rows() == [MILAN, MILAN, ROME]
    assert [storage.inode(file) for file in storage.files()] == staged


async def test_a_run_again_delivers_nothing_and_changes_no_digest(storage: Any) -> None:
    await storage.run("first", [[MILAN, MILAN, ROME]])
    before = await digest_of(storage)
    commit = await storage.run("second", [[ROME], [MILAN, MILAN]])
    assert (commit.version, commit.receipt.delivered, commit.receipt.deduplicated) == (2, 0, 3)
    assert await storage.rows() == [MILAN, MILAN, ROME]
    assert await digest_of(storage) == before
    assert len(storage.files()) == 1


async def test_only_repetitions_beyond_those_that_are_there_are_delivered(storage: Any) -> None:
    await storage.run("first", [[MILAN, ROME]])
    commit = await storage.run("second", [[MILAN, MILAN, MILAN], [("TO01", 1, 3)]])
    assert (commit.receipt.delivered, commit.receipt.deduplicated, commit.row_count) == (3, 1, 5)
    assert await storage.rows() == [MILAN, MILAN, MILAN, ROME, ("TO01", 1, 3)]


async def test_a_merge_keeps_the_last_record_of_each_key(storage: Any) -> None:
    key = ("shop",)
    first = await storage.run(
        "first", [[("MI01", 1, 1), ("RM01", 1, 5), ("MI01", 2, 1), ("TO01", 1, 1)]], primary_key=key
    )
    assert (first.receipt.delivered, first.receipt.deduplicated) == (3, 1)
    second = await storage.run(
        "second", [[("MI01", 3, 2), ("RM01", 9, 4), ("TO01", 1, 1), ("NA01", 1, None)]], primary_key=key
    )
    assert (second.receipt.delivered, second.receipt.deduplicated, second.row_count) == (2, 2, 4)
    assert await storage.rows() == [("MI01", 3, 2), ("NA01", 1, None), ("RM01", 1, 5), ("TO01", 1, 1)]
    assert await storage.rows(version=1) == [("MI01", 2, 1), ("RM01", 1, 5), ("TO01", 1, 1)]


async def test_a_run_without_rows_commits_its_receipt(storage: Any) -> None:
    commit = await storage.run("empty", [], quarantined=2, filtered=1)
    assert (commit.version, commit.row_count, commit.receipt.extracted, commit.receipt.quarantined) == (1, 0, 3, 2)
    assert await storage.rows() == []
    empty_file = await storage.run("empty-file", [[]])
    assert (empty_file.version, empty_file.row_count) == (2, 0)
    assert not [name for name in storage.files() if name.startswith("datasets/")]


async def test_raw_pages_and_quarantine_become_artifacts_and_nothing_stays_staged(storage: Any) -> None:
    commit = await storage.run("first", [[MILAN]], raw=[b"one", b"two", b"one"], quarantined=3)
    digests = [page.digest for page in commit.raw_pages]
    assert digests == [f"sha256:{sha256(page).hexdigest()}" for page in (b"one", b"two", b"one")]
    assert await storage.artifact(digests[1]) == ("application/json", b"two")
    media_type, quarantine = await storage.artifact(commit.quarantine_digest)
    assert media_type == "application/vnd.apache.parquet"
    assert pq.read_table(pa.py_buffer(quarantine)).num_rows == 3
    assert len(storage.files()) == 4
    assert not list((storage.folder / "stages").iterdir())


async def test_a_commit_again_answers_the_stored_receipt(storage: Any) -> None:
    request = await storage.stage("first", [[MILAN]], raw=[b"one"])
    first = await storage.servicer.CommitRun(request, storage.caller)
    again = await storage.servicer.CommitRun(request, storage.caller)
    assert (first.repeated, again.repeated) == (False, True)
    assert again.commit == first.commit
    opened = await storage.servicer.CreateStage(
        pb.CreateStageRequest(dataset_id="shop-orders", work_key=request.work_key, token=9), storage.caller
    )
    assert opened == pb.CreateStageResponse(commit=first.commit)
    assert await storage.entries() == ["event-0", "event-1"]


async def test_the_ledger_gets_one_entry_for_a_commit(storage: Any) -> None:
    await storage.run("first", [[MILAN]])
    for _ in range(2):
        storage.restart()
        await storage.projection.recover()
    assert await storage.entries() == ["event-0"]


async def test_what_became_of_the_records_is_counted_once(storage: Any) -> None:
    request = await storage.stage("first", [[MILAN, ROME]], quarantined=2, filtered=1)
    request.receipt.size_bytes = 7
    for _ in range(2):
        await storage.commit(request)
    await storage.run("second", [[MILAN]])
    outcomes = ("delivered", "deduplicated", "quarantined", "filtered")
    found = [storage.registry.get_sample_value("chartly_ingest_records_total", {"outcome": name}) for name in outcomes]
    assert found == [2, 1, 2, 1]
    assert storage.registry.get_sample_value("chartly_ingest_runs_total", {"state": "SUCCEEDED"}) == 2
    assert storage.registry.get_sample_value("chartly_ingest_bytes_total") == 7


async def test_a_commit_says_all_that_the_run_said(storage: Any) -> None:
    request = await storage.stage("first", [[MILAN]])
    request.state, request.trigger = run_pb2.RUN_STATE_PARTIAL, run_pb2.TRIGGER_REPLAY
    request.replayed_run_ids.append("r-0")
    request.receipt.warnings["amount"] = 3
    request.receipt.pages, request.receipt.limit = 7, "max_pages"
    commit = await storage.commit(request)
    assert (commit.state, commit.trigger, list(commit.replayed_run_ids)) == (request.state, request.trigger, ["r-0"])
    assert commit.revision == request.revision
    assert (commit.run_id, commit.drone_id, commit.token) == (request.run_id, "d-1", 1)
    assert (commit.receipt.warnings, commit.receipt.pages, commit.receipt.limit) == ({"amount": 3}, 7, "max_pages")


async def test_a_lower_token_is_refused_once_a_higher_one_has_staged(storage: Any) -> None:
    old = await storage.stage("work", [[MILAN]], token=1)
    new = await storage.stage("work", [[ROME]], token=3)
    with pytest.raises(FencingTokenStale) as refused:
        await storage.commit(old)
    assert refused.value.metadata["latest_token"] == "3"
    with pytest.raises(FencingTokenStale):
        await storage.stage("work", [], token=2)
    assert (await storage.commit(new)).receipt.delivered == 1
    assert (await storage.commit(old)).token == 3
    assert await storage.rows() == [ROME]


async def test_a_commit_needs_the_stage_of_its_own_attempt(storage: Any) -> None:
    request = await storage.stage("work", [[MILAN]])
    other = await storage.stage("other", [[ROME]])
    for stage_id in ("", "none", other.stage_id):
        request.stage_id = stage_id
        with pytest.raises(StageNotFound):
            await storage.commit(request)
    assert await storage.entries() == []


async def test_a_token_that_commits_without_a_stage_is_seen(storage: Any) -> None:
    request = await storage.stage("work", [], token=1)
    request.stage_id, request.token, request.receipt.extracted = "", 5, 1
    with pytest.raises(ReceiptMismatch):
        await storage.commit(request)
    with pytest.raises(FencingTokenStale):
        await storage.stage("work", [], token=4)


Change = Callable[[pb.CommitRunRequest, Path], Any]


def replace_data(schema: pa.Schema, values: list[dict[str, Any]]) -> Change:
    def change(request: pb.CommitRunRequest, stage: Path) -> None:
        path = stage / "data/part-0.parquet"
        pq.write_table(pa.Table.from_pylist(values, schema=schema), path)
        request.data_files[0].size_bytes = path.stat().st_size

    return change


RECORD = pa.field("record_id", pa.string())
TEXTS = pa.schema([RECORD, *(pa.field(name, pa.string()) for name in ("run_id", "observed_at", "shop", "amount"))])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda request, _: setattr(request.receipt, "extracted", 9), ReceiptMismatch, "extracted 9"),
        (lambda request, _: setattr(request.receipt, "delivered", 1), ReceiptMismatch, "extracted"),
        (lambda request, _: setattr(request.receipt, "quarantined", 1), ReceiptMismatch, "quarantined 2"),
        (lambda request, _: request.ClearField("quarantine_file"), ReceiptMismatch, "quarantined 0"),
        (lambda request, _: setattr(request.data_files[0], "size_bytes", 1), StagedFileInvalid, "bytes, not 1"),
        (lambda _, stage: (stage / "data/part-0.parquet").unlink(), StagedFileInvalid, "part-0.parquet is not in the stage"),
        (lambda _, stage: (stage / "quarantine.parquet").unlink(), StagedFileInvalid, "quarantine.parquet is not in"),
        (lambda _, stage: next((stage / "raw").iterdir()).unlink(), StagedFileInvalid, "raw/"),
        (lambda _, stage: next((stage / "raw").iterdir()).write_bytes(b""), StagedFileInvalid, "has 0 bytes"),
        (lambda request, _: setattr(request, "arrow_schema", b"x"), StagedFileInvalid, "no IPC message"),
        (lambda request, _: request.primary_key.append("till"), StagedFileInvalid, "lacks the key's till"),
        (replace_data(pa.schema([RECORD]), [{"record_id": "1"}] * 2), StagedFileInvalid, "differ in the columns amount"),
        (replace_data(TEXTS, [{"record_id": "1"}] * 2), StagedFileInvalid, "has observed_at as string"),
    ],
)  # fmt: skip
async def test_a_refused_commit_changes_nothing(
    storage: Any, change: Change, error: type[ChartlyError], words: str
) -> None:
    request = await storage.stage("work", [[MILAN, ROME]], raw=[b"page"], quarantined=2)
    stage = storage.folder / "stages" / request.stage_id
    right = pb.CommitRunRequest.FromString(request.SerializeToString())
    kept = {path: path.read_bytes() for path in stage.rglob("*") if path.is_file()}
    change(request, stage)
    with pytest.raises(error, match=words):
        await storage.commit(request)
    assert not (storage.folder / "datasets").exists()
    assert await storage.entries() == []
    for path, content in kept.items():
        path.write_bytes(content)
    assert (await storage.commit(right)).receipt.delivered == 2


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (pa.field("file_index", pa.int64()), "tells rows apart"),
        (pa.field("items", pa.int32()), "has items as int32, which no dataset keeps"),
        (pa.field("sold_at", pa.timestamp("us")), "has sold_at as timestamp"),
        (None, "lacks observed_at"),
    ],
)
async def test_a_schema_that_no_dataset_has_is_refused(
    storage: Any, a_schema: pa.Schema, field: pa.Field | None, words: str
) -> None:
    request = await storage.stage("work", [[MILAN]])
    other = a_schema.append(field) if field else a_schema.remove(2)
    request.arrow_schema = other.serialize().to_pybytes()
    with pytest.raises(StagedFileInvalid, match=words):
        await storage.commit(request)


async def test_a_staged_file_that_is_no_parquet_is_refused(storage: Any) -> None:
    request = await storage.stage("work", [[MILAN]])
    path = storage.folder / "stages" / request.stage_id / "data/part-0.parquet"
    path.write_bytes(b"x" * request.data_files[0].size_bytes)
    with pytest.raises(StagedFileInvalid, match="no Parquet file"):
        await storage.commit(request)


async def test_rows_without_a_record_id_are_refused(storage: Any, a_schema: pa.Schema) -> None:
    request = await storage.stage("work", [[MILAN]])
    stage = storage.folder / "stages" / request.stage_id
    replace_data(a_schema, [{"shop": "MI01"}])(request, stage)
    with pytest.raises(StagedFileInvalid, match="without a record_id"):
        await storage.commit(request)


async def test_a_new_column_joins_and_is_null_in_older_rows(storage: Any, a_schema: pa.Schema) -> None:
    await storage.run("first", [[MILAN]])
    wider = a_schema.append(pa.field("items", pa.decimal128(9, 2), metadata={"kind": "measure", "unit": "pieces"}))
    commit = await storage.run("second", [[ROME]], schema=wider)
    assert commit.version == 3  # version 2 added the column
    dataset = (
        await storage.servicer.GetDataset(pb.GetDatasetRequest(dataset_id="shop-orders"), storage.caller)
    ).dataset
    assert [(column.name, column.type, column.kind, column.unit) for column in dataset.columns] == [
        ("record_id", "string", "system", ""),
        ("run_id", "string", "system", ""),
        ("observed_at", "timestamp", "system", ""),
        ("shop", "string", "dim", ""),
        ("amount", "integer", "measure", "EUR"),
        ("items", "decimal", "measure", "pieces"),
    ]
    assert await storage.rows() == [MILAN, ROME]
    assert await storage.rows(version=1) == [MILAN]


async def test_what_a_column_means_can_change(storage: Any, a_schema: pa.Schema) -> None:
    await storage.run("first", [[MILAN]])
    index = a_schema.get_field_index("amount")
    other = a_schema.set(index, a_schema.field(index).with_metadata({"kind": "measure", "unit": "CHF"}))
    await storage.run("second", [[ROME]], schema=other)
    dataset = (
        await storage.servicer.GetDataset(pb.GetDatasetRequest(dataset_id="shop-orders"), storage.caller)
    ).dataset
    assert dataset.columns[4].unit == "CHF"


async def test_a_column_that_changes_its_type_is_refused(storage: Any, a_schema: pa.Schema) -> None:
    await storage.run("first", [[MILAN]])
    other = a_schema.set(4, a_schema.field(4).with_type(pa.float64()))
    with pytest.raises(IncompatibleChange) as refused:
        await storage.run("second", [[ROME]], schema=other)
    assert refused.value.metadata == {"profile_id": "shop-orders", "field": "amount", "change": "type int64 -> double"}
    assert await storage.rows() == [MILAN]


async def digest_of(storage: Any) -> str:
    answer = await storage.servicer.GetDataset(pb.GetDatasetRequest(dataset_id="shop-orders"), storage.caller)
    digest: str = answer.dataset.digest
    return digest
