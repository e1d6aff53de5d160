"""How long a process that ended waits before it starts again."""

from __future__ import annotations

from pathlib import Path

import pytest
from chartly.cli import processes
from chartly.cli.processes import LARGE_LOG_BYTES, STABLE_SECONDS, Process, trim


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    monkeypatch.setattr(processes, "_fork", lambda process: 4242)
    return clock


def a_process(log: Path = Path("none.log")) -> Process:
    return Process("registry", lambda: None, log)


def test_waits_double_up_to_half_a_minute(clock: Clock) -> None:
    process = a_process()
    waits = []
    for _ in range(7):
        process.start()
        waits.append(process.ended())
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    assert process.pid == 0
    assert process.due == clock.now + 30


def test_a_process_that_lived_long_enough_begins_again_with_the_first_wait(clock: Clock) -> None:
    process = a_process()
    for _ in range(3):
        process.start()
        process.ended()
    process.start()
    clock.now += STABLE_SECONDS
    assert process.ended() == 1


def test_the_last_words_are_the_last_line_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "registry.log"
    assert a_process(log).last_words() == ""
    log.write_text("first\nthe port is taken\n")
    assert a_process(log).last_words() == "the port is taken"


def test_a_large_log_is_moved_while_its_process_writes_to_it(tmp_path: Path) -> None:
    log = tmp_path / "registry.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"few words\n")
        trim(log)
        assert log.read_bytes() == b"few words\n"
        writer.write(b"x" * LARGE_LOG_BYTES)
        trim(log)
        writer.write(b"next\n")
    assert log.read_bytes() == b"next\n"
    assert (tmp_path / "registry.log.1").stat().st_size == LARGE_LOG_BYTES + 10
