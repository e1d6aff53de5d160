"""What a drone asks storage to commit."""

from __future__ import annotations

from chartly import engine
from chartly.api.coordinator.v1 import coordinator_pb2
from chartly.api.run.v1 import run_pb2
from chartly.api.storage.v1 import storage_pb2 as pb
from chartly.drone.ingest import Ingested


def commit_request(
    lease: coordinator_pb2.Lease, ingested: Ingested, receipt: run_pb2.Receipt, *, stage_id: str, drone_id: str
) -> pb.CommitRunRequest:
    """Return the commit of what an attempt has staged: PARTIAL where it met a limit, else SUCCEEDED.

    Raises:
        ReceiptMismatch: the receipt does not add up with what is staged.
    """
    staged, revision = ingested.staged, lease.revision
    plan = engine.compile_profile(revision.profile)
    engine.check_adds_up(
        extracted=receipt.extracted,
        delivered=staged.row_count,
        deduplicated=0,
        quarantined=staged.quarantined,
        filtered=receipt.filtered,
    )
    request = pb.CommitRunRequest(
        dataset_id=lease.work.profile_id,
        work_key=lease.work.work_key,
        token=lease.token,
        stage_id=stage_id,
        run_id=lease.work.run_id,
        revision=pb.ProfileRevision(
            profile_id=revision.profile_id,
            revision=revision.revision,
            version=revision.version,
            digest=revision.digest,
        ),
        arrow_schema=plan.schema.serialize().to_pybytes(),
        primary_key=plan.primary_key,
        data_files=[pb.StagedFile(**file._asdict()) for file in staged.data_files],
        raw_pages=ingested.raw_pages,
        receipt=receipt,
        state=run_pb2.RUN_STATE_PARTIAL if receipt.limit else run_pb2.RUN_STATE_SUCCEEDED,
        trigger=lease.work.trigger,
        drone_id=drone_id,
    )
    if staged.quarantine_file is not None:
        request.quarantine_file.CopyFrom(pb.StagedFile(**staged.quarantine_file._asdict()))
    return request
