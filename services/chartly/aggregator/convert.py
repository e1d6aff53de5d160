"""Messages to domain values and back, nothing else."""

from chartly.aggregator.records import Row
from chartly.aggregator.store import ProfileCount
from chartly.api.aggregator.v1 import aggregator_pb2 as pb
from chartly.api.storage.v1.storage_pb2 import Commit


def record(row: Row) -> pb.Record:
    """Return a row as a record."""
    message = pb.Record(record_id=row.record_id, run_id=row.run_id)
    if row.observed_at is not None:
        message.observed_at.FromDatetime(row.observed_at)
    message.dims.update(row.dims)
    message.measures.update(row.measures)
    return message


def result(commit: Commit) -> pb.Result:
    """Return what a commit brought."""
    return pb.Result(
        run_id=commit.run_id,
        profile_id=commit.revision.profile_id,
        drone_id=commit.drone_id,
        inserted_records=commit.receipt.delivered,
        deduped_records=commit.receipt.deduplicated,
        quarantined_records=commit.receipt.quarantined,
        commit_time=commit.commit_time,
    )


def submitted(commit: Commit) -> pb.SubmitResultsResponse:
    """Return what became of a submission."""
    return pb.SubmitResultsResponse(
        run_id=commit.run_id,
        inserted_records=commit.receipt.delivered,
        deduped_records=commit.receipt.deduplicated,
        quarantined_records=commit.receipt.quarantined,
    )


def summary(counts: dict[str, ProfileCount], drone_count: int) -> pb.GetSummaryResponse:
    """Return what all profiles have committed."""
    profiles = [
        pb.ProfileSummary(
            profile_id=profile_id, record_count=count.last_commit.row_count, last_run_time=count.last_commit.commit_time
        )
        for profile_id, count in counts.items()
    ]
    return pb.GetSummaryResponse(
        total_records=sum(profile.record_count for profile in profiles),
        total_runs=sum(count.run_count for count in counts.values()),
        profiles=profiles,
        unique_drones=drone_count,
    )
