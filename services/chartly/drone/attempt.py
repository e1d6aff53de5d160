"""One attempt of a run: stage, fetch, map, commit, and how it ended; given up when the lease is lost or the work cancelled."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Literal

import grpc
from chartly import engine
from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.api.coordinator.v1 import coordinator_pb2_grpc
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.api.run.v1 import run_pb2
from chartly.api.storage.v1 import storage_pb2, storage_pb2_grpc
from chartly.drone.committing import commit_request
from chartly.drone.failures import Failure, failure_of, is_lost
from chartly.drone.ingest import Ingest, Ingested
from chartly.drone.patience import patiently
from chartly.drone.progress import Progress
from chartly.drone.runlog import MEDIA_TYPE, RunLog
from chartly.drone.sources import Sources
from chartly.drone.stage import StageFolder
from chartly.engine.mapper import Mapper
from chartly.engine.staging import Stager
from chartly.runtime import Clients
from google.api import httpbody_pb2

logger = logging.getLogger(__name__)
RENEWAL_SECONDS = 2.0
STAGE_RENEWAL_SECONDS = 1800.0
# What a drone that is stopped waits for: a commit that has begun, and the coordinator to take the work back.
LAST_COMMIT_SECONDS = 2.0
HAND_BACK_SECONDS = 1.0
_CANCELLED = Failure(ErrorReason.ERROR_REASON_CANCELLED, "cancelled", retryable=False)
_DRAINING = Failure(ErrorReason.ERROR_REASON_DRAINING, "the drone was stopped; another attempt follows", retryable=True)


class GivenUp(Exception):
    """The lease is lost, or the work was cancelled."""

    def __init__(self, why: Literal["lost", "cancelled"]) -> None:
        super().__init__(why)
        self.why = why


class Attempt:
    """Carries out one lease."""

    def __init__(self, lease: pb.Lease, *, drone_id: str, clients: Clients, sources: Sources) -> None:
        self._lease = lease
        self._work = lease.work
        self._drone_id = drone_id
        self._coordinator = clients.stub(coordinator_pb2_grpc.CoordinatorServiceStub)
        self._storage = clients.stub(storage_pb2_grpc.StorageServiceStub)
        self._sources = sources
        self._secrets = sources.secrets(lease.revision.profile)
        self._log = RunLog(self._secrets.redact)
        self._stage_id = ""
        self._commits = self._completed = False
        self.progress = Progress(self._log)

    async def carry_out(self) -> None:
        """Do the work and tell the coordinator how it ended, unless the lease is lost.

        Cancelled before its commit it hands the work back; during the commit it ends it first.
        """
        try:
            await self._while_leased()
        except GivenUp as given_up:
            logger.info("work given up", extra={"work_id": self._work.work_id, "why": given_up.why})
            await self._discard_stage()
            if given_up.why == "cancelled":
                await self._fail(_CANCELLED)
        except asyncio.CancelledError:
            if not self._completed:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HAND_BACK_SECONDS):
                        await self._fail(_DRAINING)
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it ends this attempt and not the drone
            if is_lost(error):
                return
            await self._discard_stage()
            await self._fail(failure_of(error))

    async def _while_leased(self) -> None:
        run, keeping = asyncio.create_task(self._run()), asyncio.create_task(self._keep_lease())
        try:
            await asyncio.wait({run, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if not run.done() and not self._commits:
                await keeping
            await asyncio.wait({run})
            run.result()
        except asyncio.CancelledError:
            if self._commits:
                await asyncio.wait({run}, timeout=LAST_COMMIT_SECONDS)
            raise
        finally:
            run.cancel()
            keeping.cancel()
            await asyncio.wait({run, keeping})

    async def _run(self) -> None:
        self._log.info(
            "attempt begins",
            profile_id=self._work.profile_id,
            version=self._lease.revision.version,
            run_id=self._work.run_id,
            token=self._lease.token,
            drone_id=self._drone_id,
        )
        stage = await self._create_stage()
        if stage.HasField("commit"):
            self._log.info("an earlier attempt has committed", dataset_version=stage.commit.version)
        else:
            await self._commit(await self._ingest(StageFolder(stage.uri)))
        await self._complete()

    async def _complete(self) -> None:
        request = pb.CompleteWorkRequest(
            work_id=self._work.work_id, token=self._lease.token, log_digest=await self._put_log()
        )
        await patiently(lambda: self._coordinator.CompleteWork(request))
        self._completed = True

    async def _create_stage(self) -> storage_pb2.CreateStageResponse:
        request = storage_pb2.CreateStageRequest(
            dataset_id=self._work.profile_id, work_key=self._work.work_key, token=self._lease.token
        )
        stage = await patiently(lambda: self._storage.CreateStage(request))
        self._stage_id = stage.stage_id
        return stage

    async def _ingest(self, folder: StageFolder) -> Ingested:
        profile = self._lease.revision.profile
        plan = engine.compile_profile(profile)
        stager = Stager(plan, self._work.run_id, folder.create)
        with Mapper(plan) as mapper, self._sources.open(profile, secrets=self._secrets, watch=self.progress) as source:
            ingested = await Ingest(source, mapper, stager, folder, self.progress).run()
            self.progress.receipt.paging_end = source.paging_end
            self.progress.receipt.limit = source.limit
        counts = self.progress.receipt
        self._log.info("staged", records=counts.extracted, pages=counts.pages, size_bytes=counts.size_bytes)
        return ingested

    async def _commit(self, ingested: Ingested) -> None:
        self.progress.says("commits")
        request = commit_request(
            self._lease, ingested, self.progress.receipt, stage_id=self._stage_id, drone_id=self._drone_id
        )
        self._commits = True
        commit = (await patiently(lambda: self._storage.CommitRun(request))).commit
        receipt = commit.receipt
        self._log.info(
            "committed",
            dataset_version=commit.version,
            extracted=receipt.extracted,
            delivered=receipt.delivered,
            deduplicated=receipt.deduplicated,
            quarantined=receipt.quarantined,
            filtered=receipt.filtered,
        )

    async def _keep_lease(self) -> None:
        """Renew the lease, and the stage, until cancelled.

        Raises:
            GivenUp: the lease is lost, or the work was cancelled.
        """
        clock = asyncio.get_running_loop().time
        renewed = clock()
        while True:
            await self.progress.news_within(min(RENEWAL_SECONDS, self._lease.lease_seconds / 3))
            try:
                answer = await self._coordinator.RenewLease(
                    pb.RenewLeaseRequest(
                        work_id=self._work.work_id, token=self._lease.token, progress=self.progress.message()
                    )
                )
                if self._stage_id and clock() - renewed > STAGE_RENEWAL_SECONDS:
                    await self._create_stage()
                    renewed = clock()
            except grpc.aio.AioRpcError as error:
                if is_lost(error):
                    raise GivenUp("lost") from None
                logger.warning("a lease could not be renewed; trying again", extra={"work_id": self._work.work_id})
                continue
            if answer.cancelled:
                raise GivenUp("cancelled")

    async def _fail(self, failure: Failure) -> None:
        message = self._secrets.redact(failure.message)
        self._log.error(message, reason=failure.reason_name)
        receipt = self.progress.receipt
        receipt.paging_end = receipt.paging_end or run_pb2.PAGING_END_ERROR
        request = pb.FailWorkRequest(
            work_id=self._work.work_id,
            token=self._lease.token,
            message=message,
            reason=failure.reason_name,
            retryable=failure.retryable,
            receipt=receipt,
            log_digest=await self._put_log(),
        )
        with suppress(grpc.aio.AioRpcError):
            await patiently(lambda: self._coordinator.FailWork(request))

    async def _put_log(self) -> str:
        """Keep the log as an artifact and return its digest; empty where storage does not take it."""
        body = httpbody_pb2.HttpBody(content_type=MEDIA_TYPE, data=self._log.content())
        request = storage_pb2.PutArtifactRequest(body=body)
        try:
            answer = await patiently(lambda: self._storage.PutArtifact(iter([request])))
        except grpc.aio.AioRpcError as error:
            logger.warning("the log of a run could not be kept", extra={"problem": str(error.details())})
            return ""
        return answer.artifact.digest

    async def _discard_stage(self) -> None:
        """Discard the stage, unless a commit has begun, which may go on where nobody hears of it."""
        if self._stage_id and not self._commits:
            with suppress(grpc.aio.AioRpcError):
                await self._storage.DiscardStage(storage_pb2.DiscardStageRequest(stage_id=self._stage_id))
