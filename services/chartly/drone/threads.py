"""Blocking work off the event loop, in two ways: work that is waited for to its end, and work that is left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar, cast

from chartly.runtime.tasks import settled

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Return what a function returns in a worker thread. A cancellation waits for it, so that nothing goes on unseen."""
    return await settled(asyncio.ensure_future(asyncio.to_thread(function, *arguments, **named)))


async def in_own_thread(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Return what a function returns in a thread of its own, which neither a cancellation nor the end of the process waits for.

    For requests: some wait for an answer for long, and they are not to take the threads that map.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast(T, result))

    def run() -> None:
        result, failure = None, None
        try:
            result = function(*arguments, **named)
        except BaseException as error:  # noqa: BLE001  it is raised where it is waited for
            failure = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="request", daemon=True).start()
    return await future
