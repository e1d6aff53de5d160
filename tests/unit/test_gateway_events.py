"""Events on their way to readers, and as the event stream says them."""

from __future__ import annotations

import json

from chartly.api.run.v1.run_pb2 import Run, RunState
from chartly.gateway import convert
from chartly.gateway.events import Event, Hub
from chartly.gateway.following import json_of


def an_event(data: str = "{}") -> Event:
    return Event("run", data)


async def test_each_reader_gets_each_event_in_order() -> None:
    hub = Hub(backlog=10)
    with hub.reader() as first, hub.reader() as second:
        for data in ("1", "2"):
            hub.publish(an_event(data))
        for reader in (first, second):
            assert [(await reader.next()).data, (await reader.next()).data] == ["1", "2"]


async def test_a_reader_that_is_too_slow_is_let_go_and_the_others_are_not() -> None:
    hub = Hub(backlog=2)
    with hub.reader() as slow, hub.reader() as quick:
        for data in ("1", "2", "3"):
            hub.publish(an_event(data))
            await quick.next()
        assert slow.overrun
        assert not quick.overrun
        assert [(await slow.next()).data, (await slow.next()).data] == ["1", "2"]
        hub.publish(an_event("4"))
        assert not slow.has_more


async def test_nothing_is_kept_for_who_comes_later_or_has_gone() -> None:
    hub = Hub(backlog=2)
    with hub.reader() as gone:
        pass
    hub.publish(an_event())
    assert not gone.has_more
    with hub.reader() as later:
        assert not later.has_more


def test_an_event_is_its_name_and_one_line_of_json() -> None:
    run = Run(run_id="r-1", state=RunState.RUN_STATE_RUNNING, message="two\nlines")
    body = convert.sse_event(Event("run", json_of(run)))
    assert body.content_type == "text/event-stream"
    name, data, *end = body.data.decode().split("\n")
    assert name == "event: run"
    assert end == ["", ""]
    message = json.loads(data.removeprefix("data: "))
    assert (message["run_id"], message["state"], message["work_id"]) == ("r-1", "RUN_STATE_RUNNING", "")
