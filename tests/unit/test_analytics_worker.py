"""Queries in worker threads, and messages as questions."""

import asyncio
import threading

import duckdb
import pytest
from chartly.analytics import convert
from chartly.analytics.figures import Row, Table
from chartly.analytics.question import Band, Bands, Input, Query, Window
from chartly.analytics.worker import Worker
from chartly.api.analytics.v1 import analytics_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

ENDLESS = "SELECT count(*) FROM range(1000000000000) r(i) WHERE hash(i) % 7 = 3"


def a_worker(slots: int = 2) -> Worker:
    return Worker(concurrent_queries=slots, query_memory_mib=256)


async def test_a_query_runs_off_the_loop_on_a_database_of_its_own() -> None:
    def query(connection: duckdb.DuckDBPyConnection) -> tuple[str, int]:
        connection.execute("CREATE TABLE only_here AS SELECT 42 AS answer")
        return threading.current_thread().name, connection.sql("FROM only_here").fetchall()[0][0]

    worker = a_worker()
    found = await asyncio.gather(worker.run(query), worker.run(query))
    assert {answer for _, answer in found} == {42}
    assert threading.main_thread().name not in {thread for thread, _ in found}


async def test_an_error_of_a_query_reaches_who_asked() -> None:
    with pytest.raises(ZeroDivisionError):
        await a_worker().run(lambda _: 1 / 0)


async def test_a_query_that_nobody_waits_for_is_interrupted() -> None:
    worker, began = a_worker(slots=1), threading.Event()

    def endless(connection: duckdb.DuckDBPyConnection) -> object:
        began.set()
        return connection.sql(ENDLESS).fetchall()

    call = asyncio.ensure_future(worker.run(endless))
    await asyncio.to_thread(began.wait)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await worker.run(lambda connection: connection.sql("SELECT 1").fetchall()) == [(1,)]


async def test_as_many_queries_run_at_once_as_there_are_slots() -> None:
    worker, running, most, lock = a_worker(slots=2), 0, 0, threading.Lock()

    def query(connection: duckdb.DuckDBPyConnection) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        connection.sql("SELECT sum(i) FROM range(100000) r(i)").fetchall()
        with lock:
            running -= 1

    await asyncio.gather(*(worker.run(query) for _ in range(6)))
    assert most <= 2


def test_a_query_is_read_from_its_message() -> None:
    message = pb.Query(
        inputs=[
            pb.Input(profile_id="flights", measure="delay", statistic="mean"),
            pb.Input(profile_id="weather", measure="rain"),
        ],
        join=["origin", "observed_at"],
    )
    message.window.start_time.CopyFrom(Timestamp(seconds=1, nanos=1))
    message.window.end_time.CopyFrom(Timestamp(seconds=2, nanos=5000))
    assert convert.query_from_proto(message) == Query(
        (Input("flights", "delay", "mean"), Input("weather", "rain")),
        ("origin", "observed_at"),
        Window(1_000_001, 2_000_005),
    )
    message.ClearField("window")
    assert convert.query_from_proto(message).window == Window(None, None)


def test_bands_are_read_from_their_message() -> None:
    bounds = [pb.Band(label="none", at_most=0.0), pb.Band(label="some", below=0.5), pb.Band(label="rest")]
    assert convert.bands_from_proto(pb.Bands(measure="rain", upper_bounds=bounds)) == Bands(
        "rain", (Band("none", at_most=0.0), Band("some", below=0.5), Band("rest"))
    )


def test_a_figure_that_is_not_there_is_null() -> None:
    message = convert.table_to_proto(Table(["count", "delay", "fog"], [Row("", 2, [1.5, None])]))
    assert list(message.columns) == ["count", "delay", "fog"]
    assert [value.WhichOneof("kind") for value in message.rows[0].values] == ["number_value", "null_value"]
