"""Datasets as callers see them: lists, versions, digests, snapshots, the commit log, and what a collection takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from chartly.api.storage.v1 import storage_pb2 as pb
from chartly.runtime.errors import InvalidPageToken
from chartly.storage.errors import DatasetNotFound, DatasetVersionNotFound, StageNotFound
from chartly.storage.store import StorageStore

MILAN, ROME, TURIN = ("MI01", 5, 1), ("RM01", 7, 2), ("TO01", 9, 3)


def digest_of(*rows: Any) -> str:
    """What `sort | sha256sum` of the rows' record_ids says."""
    ids = sorted(sha256(repr(row).encode()).hexdigest() for row in rows)
    return "sha256:" + sha256("".join(f"{record_id}\n" for record_id in ids).encode()).hexdigest()


async def get(storage: Any, dataset_id: str = "shop-orders") -> pb.Dataset:
    answer = await storage.servicer.GetDataset(pb.GetDatasetRequest(dataset_id=dataset_id), storage.caller)
    dataset: pb.Dataset = answer.dataset
    return dataset


async def open_version(storage: Any, version: int = 0) -> pb.OpenSnapshotResponse:
    request = pb.OpenSnapshotRequest(dataset_id="shop-orders", version=version)
    opened: pb.OpenSnapshotResponse = await storage.servicer.OpenSnapshot(request, storage.caller)
    return opened


def present(opened: pb.OpenSnapshotResponse) -> bool:
    return all(Path(uri.removeprefix("file://")).exists() for uri in opened.file_uris)


async def test_a_dataset_says_what_its_latest_version_is(storage: Any) -> None:
    await storage.run("first", [[MILAN]], primary_key=["shop"])
    commit = await storage.run("second", [[ROME, ("MI01", 6, 2)]], primary_key=["shop"])
    dataset = await get(storage)
    assert (dataset.version, dataset.row_count, list(dataset.primary_key)) == (2, 2, ["shop"])
    assert dataset.digest == digest_of(ROME, ("MI01", 6, 2))
    assert dataset.update_time == commit.commit_time
    assert dataset.revision == commit.revision
    storage.clock.now += timedelta(days=31)
    await storage.collector.collect()
    assert dataset.size_bytes == sum((storage.folder / name).stat().st_size for name in storage.files())


async def test_the_digest_of_an_empty_dataset_is_that_of_nothing(storage: Any) -> None:
    await storage.run("empty", [])
    assert (await get(storage)).digest == digest_of()


async def test_datasets_and_versions_are_listed_in_pages(storage: Any) -> None:
    for number in range(3):
        await storage.run(f"a{number}", [[MILAN]], dataset_id="a")
    await storage.run("b", [[ROME]], dataset_id="b")
    first = await storage.servicer.ListDatasets(pb.ListDatasetsRequest(page_size=1), storage.caller)
    rest = await storage.servicer.ListDatasets(pb.ListDatasetsRequest(page_token=first.next_page_token), storage.caller)
    assert [dataset.dataset_id for dataset in (*first.datasets, *rest.datasets)] == ["a", "b"]
    assert (rest.next_page_token, first.datasets[0].digest) == ("", "")
    request = pb.ListDatasetVersionsRequest(dataset_id="a", page_size=2)
    newest = await storage.servicer.ListDatasetVersions(request, storage.caller)
    request.page_token = newest.next_page_token
    oldest = await storage.servicer.ListDatasetVersions(request, storage.caller)
    assert [commit.version for commit in (*newest.versions, *oldest.versions)] == [3, 2, 1]
    assert oldest.next_page_token == ""
    request.dataset_id = "b"
    with pytest.raises(InvalidPageToken):
        await storage.servicer.ListDatasetVersions(request, storage.caller)


async def test_a_version_that_is_not_there_is_not_found(storage: Any, of_tenant: Any) -> None:
    with pytest.raises(DatasetNotFound):
        await get(storage)
    await storage.run("first", [[MILAN]])
    with pytest.raises(DatasetVersionNotFound):
        await open_version(storage, 2)
    with pytest.raises(DatasetNotFound):
        await get(of_tenant("stranger"))


async def test_a_snapshot_shows_its_version_while_others_commit(storage: Any) -> None:
    await storage.run("first", [[MILAN]], primary_key=["shop"])
    opened = await open_version(storage)
    await storage.run("second", [[("MI01", 6, 2)]], primary_key=["shop"])
    assert (opened.version, opened.row_count, opened.digest) == (1, 1, digest_of(MILAN))
    assert await open_version(storage, 1) != opened
    assert await storage.rows(version=1) == [MILAN]


async def test_superseded_files_stay_for_their_time_and_for_open_snapshots(storage: Any) -> None:
    await storage.run("first", [[MILAN]], primary_key=["shop"])
    opened = await open_version(storage)
    storage.clock.now += timedelta(minutes=10)
    await storage.run("second", [[("MI01", 6, 2)]], primary_key=["shop"])
    await storage.collector.collect()
    assert present(opened)

    storage.clock.now += timedelta(days=31)
    renewed = await open_version(storage, 1)
    await storage.collector.collect()
    assert present(renewed)
    await storage.servicer.CloseSnapshot(pb.CloseSnapshotRequest(snapshot_id=renewed.snapshot_id), storage.caller)
    await storage.collector.collect()
    assert not present(renewed)
    assert await storage.rows() == [("MI01", 6, 2)]
    with pytest.raises(DatasetVersionNotFound):
        await open_version(storage, 1)
    assert len(storage.files()) == 1


async def test_a_snapshot_that_has_run_out_keeps_nothing(storage: Any) -> None:
    await storage.run("first", [[MILAN]], primary_key=["shop"])
    await storage.run("second", [[("MI01", 6, 2)]], primary_key=["shop"])
    storage.clock.now += timedelta(days=31)
    opened = await open_version(storage, 1)
    storage.clock.now += timedelta(hours=2)
    await storage.collector.collect()
    assert not present(opened)


async def test_a_stage_is_collected_once_it_has_expired(storage: Any) -> None:
    request = await storage.stage("work", [[MILAN]], raw=[b"page"])
    storage.clock.now += timedelta(hours=5)
    await storage.stage("work", [])
    storage.clock.now += timedelta(hours=5)
    await storage.collector.collect()
    assert storage.files()
    storage.clock.now += timedelta(hours=2)
    await storage.collector.collect()
    assert storage.files() == []
    with pytest.raises(StageNotFound):
        await storage.commit(request)


async def test_a_stage_is_collected_once_a_later_attempt_has_one(storage: Any) -> None:
    await storage.stage("work", [[MILAN]], token=1)
    later = await storage.stage("work", [[MILAN]], token=2)
    await storage.collector.collect()
    assert [name.split("/")[1] for name in storage.files()] == [later.stage_id]


async def test_what_is_written_into_a_stage_that_is_gone_is_collected(storage: Any) -> None:
    request = await storage.stage("work", [[MILAN]])
    await storage.commit(request)
    late = storage.folder / "stages" / request.stage_id / "raw"
    late.mkdir(parents=True)
    (late / "page").write_bytes(b"late")
    await storage.collector.collect()
    assert not list((storage.folder / "stages").iterdir())
    assert await storage.rows() == [MILAN]


async def test_a_stage_that_is_discarded_is_gone(storage: Any) -> None:
    request = await storage.stage("work", [[MILAN]], raw=[b"page"])
    for _ in range(2):
        await storage.servicer.DiscardStage(pb.DiscardStageRequest(stage_id=request.stage_id), storage.caller)
    assert storage.files() == []
    assert (await storage.run("work", [[ROME]])).receipt.delivered == 1


async def test_the_log_is_followed_from_any_place_on(storage: Any) -> None:
    await storage.run("first", [[MILAN]], dataset_id="a")
    await storage.run("second", [[ROME]], dataset_id="b")
    followed = storage.servicer.WatchCommits(pb.WatchCommitsRequest(after_sequence=1), storage.caller)
    assert [commit.dataset_id for commit in (await anext(followed)).commits] == ["b"]
    waiting = asyncio.create_task(anext(followed))
    commit = await storage.run("third", [[TURIN]], dataset_id="a")
    assert list((await waiting).commits) == [commit]
    await followed.aclose()


async def test_who_has_all_commits_is_told_so_at_once(storage: Any) -> None:
    followed = storage.servicer.WatchCommits(pb.WatchCommitsRequest(), storage.caller)
    assert await anext(followed) == pb.WatchCommitsResponse()
    await followed.aclose()


@pytest.fixture
async def rebuilt(storage: Any, of_tenant: Any) -> AsyncIterator[Any]:
    """Storage on the same folder, with tables that know nothing."""
    async with StorageStore.open("sqlite+aiosqlite://") as store:
        other = of_tenant("default")
        other.store = store
        other.restart()
        yield other


async def test_the_tables_can_be_made_again_from_the_logs(storage: Any, rebuilt: Any) -> None:
    await storage.run("first", [[MILAN]], raw=[b"page"], primary_key=["shop"])
    commit = await storage.run("second", [[("MI01", 6, 2), ROME]], primary_key=["shop"], quarantined=1)
    await rebuilt.projection.recover()
    assert await get(rebuilt) == await get(storage)
    assert await rebuilt.artifact(commit.quarantine_digest) == await storage.artifact(commit.quarantine_digest)
    assert await rebuilt.entries() == await storage.entries()
    follow = [s.servicer.WatchCommits(pb.WatchCommitsRequest(), s.caller) for s in (storage, rebuilt)]
    assert await anext(follow[0]) == await anext(follow[1])
    rebuilt.clock.now += timedelta(days=31)
    await rebuilt.collector.collect()
    assert len([name for name in rebuilt.files() if name.startswith("datasets/")]) == 1


async def test_tables_made_again_have_the_commits_in_their_order(storage: Any, rebuilt: Any) -> None:
    for number, dataset_id in enumerate(("b", "a", "b", "c", "a")):
        storage.clock.now += timedelta(seconds=1)
        await storage.run(f"work-{number}", [[("MI01", number, 1)]], dataset_id=dataset_id)
    follow = [s.servicer.WatchCommits(pb.WatchCommitsRequest(), s.caller) for s in (storage, rebuilt)]
    answers = [await anext(followed) for followed in follow]
    assert [commit.dataset_id for commit in answers[0].commits] == ["b", "a", "b", "c", "a"]
    assert answers[1] == answers[0]


async def test_an_answer_waits_for_what_the_tables_lack(storage: Any, rebuilt: Any) -> None:
    await storage.run("first", [[MILAN]])
    assert (await get(rebuilt)).version == 1
    await storage.run("second", [[ROME]])
    listed = await rebuilt.servicer.ListDatasets(pb.ListDatasetsRequest(), rebuilt.caller)
    assert [dataset.version for dataset in listed.datasets] == [2]


async def test_two_processes_commit_each_record_once(storage: Any, rebuilt: Any) -> None:
    """Each has its own tables and locks, so only the Delta log stands between them."""
    rows = [[MILAN, ROME], [ROME, TURIN], [TURIN, MILAN], [MILAN, MILAN, MILAN]]
    requests = [
        await (storage, rebuilt)[number % 2].stage(f"work-{number}", [part]) for number, part in enumerate(rows)
    ]
    commits = await asyncio.gather(
        *((storage, rebuilt)[number % 2].commit(request) for number, request in enumerate(requests))
    )
    assert sorted(commit.version for commit in commits) == [1, 2, 3, 4]
    assert sum(commit.receipt.delivered for commit in commits) == 5
    assert sum(commit.receipt.deduplicated for commit in commits) == 4
    assert await storage.rows() == [MILAN, MILAN, MILAN, ROME, TURIN]
    assert await rebuilt.rows() == await storage.rows()


async def test_one_run_committed_twice_at_once_has_one_receipt(storage: Any) -> None:
    request = await storage.stage("work", [[MILAN]])
    answers = await asyncio.gather(*(storage.servicer.CommitRun(request, storage.caller) for _ in range(3)))
    assert sorted(answer.repeated for answer in answers) == [False, True, True]
    assert len({answer.commit.SerializeToString() for answer in answers}) == 1
    assert await storage.rows() == [MILAN]
