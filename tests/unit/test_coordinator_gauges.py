"""What Prometheus sees of the queue and of a drone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chartly.api.run.v1 import run_pb2
from chartly.coordinator import queue
from chartly.coordinator.gauges import QueueGauges
from chartly.coordinator.queue import Trigger
from chartly.coordinator.store import CoordinatorStore, Drone
from chartly.drone.counters import IngestCounters
from chartly.runtime.bell import Bell
from prometheus_client import CollectorRegistry

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


async def test_gauges_say_what_the_tables_say() -> None:
    registry = CollectorRegistry()
    async with CoordinatorStore.open("sqlite+aiosqlite://") as store:
        async with store.transaction() as tx:
            for profile_id in ("a", "b"):
                work = queue.new_work(
                    tx.tenant, profile_id, profile_version="1.0.0", trigger=Trigger.MANUAL, trigger_id="1", now=NOW
                )
                await tx.save_work(work)
            for drone_id, silence in (("d-1", 5), ("d-2", 31)):
                heard = NOW - timedelta(seconds=silence)
                drone = Drone(
                    tenant=tx.tenant,
                    drone_id=drone_id,
                    version="1",
                    capacity=1,
                    instance_id="",
                    create_time=heard,
                    heartbeat_time=heard,
                )
                await tx.save_drone(drone)
        await QueueGauges(store, Bell(), registry, now=lambda: NOW).update()
    assert registry.get_sample_value("chartly_queue_work", {"state": "queued"}) == 2
    assert registry.get_sample_value("chartly_queue_work", {"state": "dead"}) == 0
    assert registry.get_sample_value("chartly_queue_live_drones") == 1


def test_counters_add_up_what_attempts_did() -> None:
    registry = CollectorRegistry()
    counters = IngestCounters(registry)
    for _ in range(2):
        counters.add(run_pb2.Receipt(extracted=5, delivered=4, quarantined=1, size_bytes=100), 0.4)
    assert registry.get_sample_value("chartly_ingest_records_total", {"result": "delivered"}) == 8
    assert registry.get_sample_value("chartly_ingest_bytes_total") == 200
    assert registry.get_sample_value("chartly_ingest_seconds_count") == 2
