"""The coordinator's RPCs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from uuid import uuid4

from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.api.coordinator.v1 import coordinator_pb2_grpc
from chartly.coordinator import convert, queue
from chartly.coordinator.documents import profile_of
from chartly.coordinator.errors import DroneNotFound, NoDrone, WorkNotFound
from chartly.coordinator.leasing import Leasing
from chartly.coordinator.previews import Preview, Previews, result_of
from chartly.coordinator.profiles import Profiles
from chartly.coordinator.queue import Trigger, Work, WorkState
from chartly.coordinator.store import CoordinatorStore, Drone, Reader, WorkFilter
from chartly.coordinator.watching import changes
from chartly.runtime import Context, pages
from chartly.runtime.bell import Bell

# What is left of a preview's deadline to tell its caller that nobody has answered.
ANSWER_SECONDS = 0.5


class CoordinatorServicer(coordinator_pb2_grpc.CoordinatorServiceServicer):
    """Answers drones, people and the services that follow the queue."""

    def __init__(
        self,
        store: CoordinatorStore,
        profiles: Profiles,
        previews: Previews,
        leasing: Leasing,
        bell: Bell,
        *,
        now: Callable[[], datetime],
        preview_wait_seconds: float,
    ) -> None:
        self._store = store
        self._profiles = profiles
        self._previews = previews
        self._leasing = leasing
        self._bell = bell
        self._now = now
        self._preview_wait_seconds = preview_wait_seconds

    async def RegisterDrone(self, request: pb.RegisterDroneRequest, context: Context) -> pb.RegisterDroneResponse:
        now = self._now()
        async with self._store.transaction() as tx:
            known = await tx.find_drone(request.drone_id)
            drone = Drone(
                tenant=tx.tenant,
                drone_id=request.drone_id,
                version=request.version,
                capacity=max(request.capacity, 1),
                instance_id=request.instance_id or (known.instance_id if known else ""),
                create_time=known.create_time if known else now,
                heartbeat_time=now,
            )
            await tx.save_drone(drone)
            if known and drone.instance_id != known.instance_id:
                for work in await tx.held_by(drone.drone_id):
                    await tx.save_work(queue.expire(work, now=now))
            held = await tx.held_by(drone.drone_id)
        self._bell.ring()
        return pb.RegisterDroneResponse(drone=convert.drone_to_proto(drone, leased_work=len(held), now=now))

    async def Heartbeat(self, request: pb.HeartbeatRequest, context: Context) -> pb.HeartbeatResponse:
        async with self._store.transaction() as tx:
            known = await _drone(tx, request.drone_id)
            await tx.heard_of(request.drone_id, self._now())
            held = await tx.held_by(request.drone_id)
        if not convert.is_live(known, self._now()):
            self._bell.ring()
        cancelled = [work.work_id for work in held if work.state is WorkState.CANCELLED]
        return pb.HeartbeatResponse(cancelled_work_ids=cancelled)

    async def ListDrones(self, request: pb.ListDronesRequest, context: Context) -> pb.ListDronesResponse:
        after = pages.decode_page_token(request.page_token, of="drones").get("drone_id", "")
        size = pages.page_size(request.page_size)
        async with self._store.read() as snapshot:
            drones = await snapshot.drones(after=after, limit=size + 1)
            held = await snapshot.held()
        response = pb.ListDronesResponse(drones=[self._drone_message(drone, held) for drone in drones[:size]])
        if len(drones) > size:
            response.next_page_token = pages.encode_page_token({"drone_id": drones[size - 1].drone_id}, of="drones")
        return response

    async def GetDroneStats(self, request: pb.GetDroneStatsRequest, context: Context) -> pb.GetDroneStatsResponse:
        now = self._now()
        async with self._store.read() as snapshot:
            drones = await snapshot.drones()
            states = await snapshot.count_by_state()
            queued = await snapshot.queued()
        waited = [(now - work.available_time).total_seconds() for work in queued if work.available_time <= now]
        return pb.GetDroneStatsResponse(
            drones=len(drones),
            live_drones=sum(convert.is_live(drone, now) for drone in drones),
            queued_work=states.get(WorkState.QUEUED, 0),
            leased_work=states.get(WorkState.LEASED, 0),
            paused_work=states.get(WorkState.PAUSED, 0),
            dead_work=states.get(WorkState.DEAD, 0),
            oldest_queued_seconds=max(waited, default=0.0),
        )

    async def GetDrone(self, request: pb.GetDroneRequest, context: Context) -> pb.GetDroneResponse:
        async with self._store.read() as snapshot:
            drone = await _drone(snapshot, request.drone_id)
            held = await snapshot.held()
        return pb.GetDroneResponse(drone=self._drone_message(drone, held))

    async def ListDroneWork(self, request: pb.ListDroneWorkRequest, context: Context) -> pb.ListDroneWorkResponse:
        async with self._store.read() as snapshot:
            await _drone(snapshot, request.drone_id)
        work, token = await self._page(request, WorkFilter(drone_id=request.drone_id))
        return pb.ListDroneWorkResponse(work=work, next_page_token=token)

    async def RunNow(self, request: pb.RunNowRequest, context: Context) -> pb.RunNowResponse:
        revision = await self._profiles.latest(request.profile_id)
        async with self._store.transaction() as tx:
            fresh = queue.new_work(
                tx.tenant,
                revision.profile_id,
                profile_version=revision.version,
                trigger=Trigger.MANUAL,
                trigger_id=request.request_id or uuid4().hex,
                now=self._now(),
            )
            work = await tx.find_work(fresh.work_id) or await tx.save_work(fresh)
        self._bell.ring()
        return pb.RunNowResponse(work=convert.work_to_proto(work))

    async def PreviewProfile(self, request: pb.PreviewProfileRequest, context: Context) -> pb.PreviewProfileResponse:
        profile = await profile_of(request)
        remaining = max(context.time_remaining() - ANSWER_SECONDS, 0)
        preview = Preview(profile, self._now() + timedelta(seconds=remaining))
        self._previews.add(preview)
        try:
            self._bell.ring()
            wait_seconds = min(self._preview_wait_seconds, remaining / 2)
            if not await context.wait(preview.taken.wait(), wait_seconds):
                raise NoDrone(wait_seconds)
            answer = await context.wait(preview.outcome, remaining)
        finally:
            self._previews.forget(preview)
        if answer is None:
            raise NoDrone(remaining)
        return result_of(answer)

    async def LeaseWork(self, request: pb.LeaseWorkRequest, context: Context) -> pb.LeaseWorkResponse:
        async with self._store.transaction() as tx:
            await _drone(tx, request.drone_id)
            await tx.heard_of(request.drone_id, self._now())
        clock = asyncio.get_running_loop().time
        until = clock() + request.wait_seconds
        while not context.draining:
            rung = self._bell.listen()
            job = await self._leasing.next_job(request.drone_id)
            if job is not None or clock() >= until:
                return convert.job_to_proto(job, lease_duration=self._leasing.lease_duration)
            await context.wait(rung.wait(), until - clock())
        return pb.LeaseWorkResponse()

    async def RenewLease(self, request: pb.RenewLeaseRequest, context: Context) -> pb.RenewLeaseResponse:
        now = self._now()
        async with self._store.transaction() as tx:
            work = await _work(tx, request.work_id)
            renewed = queue.renew(
                work,
                request.token,
                progress=request.progress.SerializeToString(deterministic=True),
                paused=request.progress.HasField("resume_time"),
                now=now,
                duration=self._leasing.lease_duration,
            )
            await tx.heard_of(work.drone_id, now)
            if renewed != work:
                await tx.save_work(renewed)
        self._bell.ring()
        response = pb.RenewLeaseResponse(cancelled=renewed.state is WorkState.CANCELLED)
        convert.set_time(response.expire_time, renewed.lease_expire_time)
        return response

    async def CompleteWork(self, request: pb.CompleteWorkRequest, context: Context) -> pb.CompleteWorkResponse:
        await self._change(
            request.work_id,
            lambda work: queue.complete(work, request.token, log_digest=request.log_digest, now=self._now()),
        )
        return pb.CompleteWorkResponse()

    async def FailWork(self, request: pb.FailWorkRequest, context: Context) -> pb.FailWorkResponse:
        failure = convert.failure_from_proto(request)
        work = await self._change(
            request.work_id, lambda work: queue.fail(work, request.token, failure, now=self._now())
        )
        return pb.FailWorkResponse(state=convert.work_to_proto(work).state)

    async def CompletePreview(self, request: pb.CompletePreviewRequest, context: Context) -> pb.CompletePreviewResponse:
        self._previews.complete(request)
        return pb.CompletePreviewResponse()

    async def ListWork(self, request: pb.ListWorkRequest, context: Context) -> pb.ListWorkResponse:
        work, token = await self._page(request, convert.filter_from_proto(request))
        return pb.ListWorkResponse(work=work, next_page_token=token)

    async def GetWork(self, request: pb.GetWorkRequest, context: Context) -> pb.GetWorkResponse:
        async with self._store.read() as snapshot:
            return pb.GetWorkResponse(work=convert.work_to_proto(await _work(snapshot, request.work_id)))

    async def CancelWork(self, request: pb.CancelWorkRequest, context: Context) -> pb.CancelWorkResponse:
        work = await self._change(request.work_id, lambda work: queue.cancel(work, now=self._now()))
        return pb.CancelWorkResponse(work=convert.work_to_proto(work))

    async def RedriveWork(self, request: pb.RedriveWorkRequest, context: Context) -> pb.RedriveWorkResponse:
        work = await self._change(request.work_id, lambda work: queue.redrive(work, now=self._now()))
        return pb.RedriveWorkResponse(work=convert.work_to_proto(work))

    async def WatchWork(self, request: pb.WatchWorkRequest, context: Context) -> AsyncIterator[pb.WatchWorkResponse]:
        async for answer in changes(self._store, self._bell, context, request.after_sequence, now=self._now):
            yield answer

    async def _change(self, work_id: str, decide: Callable[[Work], Work]) -> Work:
        """Load a work item, decide what becomes of it, and save it if that is something else."""
        async with self._store.transaction() as tx:
            work = await _work(tx, work_id)
            decided = decide(work)
            saved = await tx.save_work(decided) if decided != work else work
        self._bell.ring()
        return saved

    async def _page(
        self, request: pb.ListWorkRequest | pb.ListDroneWorkRequest, which: WorkFilter
    ) -> tuple[list[pb.Work], str]:
        before = convert.place_from(pages.decode_page_token(request.page_token, of=f"work {which}"))
        size = pages.page_size(request.page_size)
        async with self._store.read() as snapshot:
            found = await snapshot.list_work(which, limit=size + 1, before=before)
        more = len(found) > size
        token = pages.encode_page_token(convert.place_of(found[size - 1]), of=f"work {which}") if more else ""
        return [convert.work_to_proto(work) for work in found[:size]], token

    def _drone_message(self, drone: Drone, held: list[Work]) -> pb.Drone:
        count = sum(work.drone_id == drone.drone_id for work in held)
        return convert.drone_to_proto(drone, leased_work=count, now=self._now())


async def _drone(snapshot: Reader, drone_id: str) -> Drone:
    if (drone := await snapshot.find_drone(drone_id)) is None:
        raise DroneNotFound(drone_id)
    return drone


async def _work(snapshot: Reader, work_id: str) -> Work:
    if (work := await snapshot.find_work(work_id)) is None:
        raise WorkNotFound(work_id)
    return work
