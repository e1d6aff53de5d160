"""The Python SDK in the conformance suite: carries out the cases that it reads; tests/contract/sdk/README.md says how.

`python -m conformance.driver` uses `Chartly`, with `--async` `AsyncChartly`.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import threading
import traceback
from collections.abc import AsyncIterable, Iterable
from datetime import datetime
from itertools import islice
from typing import Any

from chartly.api.analytics.v1 import analytics_pb2
from chartly.api.coordinator.v1 import coordinator_pb2
from chartly.api.registry.v1 import contract_pb2, registry_pb2
from chartly.api.run.v1 import run_pb2
from chartly.sdk import AsyncChartly, Chartly, ChartlyError, Problem
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

Case = dict[str, Any]

#: How an argument becomes what the SDK takes; those of one operation before those of all.
_ARGUMENTS: dict[str, Any] = {
    "artifacts.put data": lambda text: ("source", text.encode()),
    "runs.upload data": lambda text: ("source", text.encode()),
    "runs.submit data": lambda texts: ("records", texts),
    "contracts.validate data": lambda text: ("value", json.loads(text)),
    "datasets.read version": lambda number: ("version", int(number)),
    "datasets.records version": lambda number: ("version", int(number)),
    "runs.list state": lambda name: ("state", run_pb2.RunState.Value(name)),
    "work.list state": lambda name: ("state", coordinator_pb2.WorkState.Value(name)),
    "base_revision": lambda number: ("base_revision", int(number)),
    "compatibility": lambda name: ("compatibility", contract_pb2.CompatibilityMode.Value(name)),
    "contract": lambda value: ("contract", ParseDict(value, registry_pb2.ContractUpdate())),
    "expire_time": lambda text: ("expire_time", datetime.fromisoformat(text)),
    "index": lambda number: ("index", int(number)),
    "mode": lambda name: ("mode", contract_pb2.CompatibilityMode.Value(name)),
    "query": lambda value: ("query", value if isinstance(value, str) else ParseDict(value, analytics_pb2.Query())),
    "analytics.aggregate output": lambda value: ("output", ParseDict(value, analytics_pb2.TableOutput())),
    "analytics.correlate output": lambda value: ("output", ParseDict(value, analytics_pb2.CorrelationOutput())),
    "window": lambda value: ("window", ParseDict(value, analytics_pb2.Window())),
}
_METHODS = {"datasets.read": "datasets.download"}


def call(client: Any, case: Case) -> tuple[Any, int | None]:
    """Begin what a case asks; return what the SDK's method returned, and how many items of it to take."""
    operation: str = case["do"]
    args = dict(case.get("args", {}))
    limit = int(args.pop("limit", 0)) or None
    if operation == "runs.run":
        operation = "runs.run" if args.pop("wait", False) else "runs.start"
    named = dict(_argument(operation, name, value) for name, value in args.items())
    if "timeout_seconds" in case:
        named["timeout"] = case["timeout_seconds"]
    resource, method = _METHODS.get(operation, operation).split(".")
    return getattr(getattr(client, resource), method)(**named), limit


def _argument(operation: str, name: str, value: Any) -> tuple[str, Any]:
    convert = _ARGUMENTS.get(f"{operation} {name}") or _ARGUMENTS.get(name)
    argument: tuple[str, Any] = convert(value) if convert else (name, value)
    return argument


def answer(client: Chartly, case: Case) -> Any:
    """Carry a case out with the client that has no asyncio."""
    if case["do"] == "runs.watch":
        stream = client.runs.watch()
        threading.Timer(case["args"]["cancel_after_seconds"], stream.cancel).start()
        return [None for _ in stream] and {"cancelled": True}
    result, limit = call(client, case)
    if hasattr(result, "read"):
        text = result.read().decode()
        return {"media_type": result.media_type, "text": text}
    if isinstance(result, Iterable):
        return [_json(item) for item in islice(result, limit)]
    return _json(result)


async def async_answer(client: AsyncChartly, case: Case) -> Any:
    """Carry a case out with the client for asyncio."""
    if case["do"] == "runs.watch":
        stream = client.runs.watch()
        asyncio.get_running_loop().call_later(case["args"]["cancel_after_seconds"], stream.cancel)
        return [None async for _ in stream] and {"cancelled": True}
    result, limit = call(client, case)
    if inspect.isawaitable(result):
        result = await result
    if hasattr(result, "read"):
        text = (await result.read()).decode()
        return {"media_type": result.media_type, "text": text}
    if isinstance(result, AsyncIterable):
        return await _taken(result, limit)
    return [_json(item) for item in result] if isinstance(result, list) else _json(result)


async def _taken(items: AsyncIterable[Any], limit: int | None) -> list[Any]:
    taken: list[Any] = []
    async for item in items:
        taken.append(_json(item))
        if len(taken) == limit:
            break
    return taken


def _json(value: Any) -> Any:
    match value:
        case HttpBody():
            return {"media_type": value.content_type, "text": value.data.decode()}
        case Message():
            return MessageToDict(value, preserving_proto_field_name=True)
        case Problem():
            return {"path": value.path, "keyword": value.keyword}
        case None:
            return {}
    return value


def _error(error: ChartlyError) -> dict[str, Any]:
    violations = [{"field": v.field, "description": v.description, "reason": v.reason} for v in error.violations]
    return {
        "code": error.code,
        "reason": error.reason,
        "metadata": dict(error.metadata),
        "violations": violations,
        "request_id": error.request_id,
    }


def respond(case: Case, error: BaseException | None, ok: Any = None) -> None:
    """Write the answer to a case."""
    said: dict[str, Any] = {"case": case["case"]}
    if error is None:
        said["ok"] = ok
    elif isinstance(error, ChartlyError):
        said["error"] = _error(error)
    else:
        said["crash"] = "".join(traceback.format_exception(error))
    print(json.dumps(said, ensure_ascii=False), flush=True)


def drive() -> None:
    """Carry out all cases with `Chartly`."""
    for line in sys.stdin:
        case = json.loads(line)
        try:
            with Chartly(**case.get("client", {})) as client:
                respond(case, None, answer(client, case))
        except Exception as error:  # noqa: BLE001  # the runner is told of everything
            respond(case, error)


async def drive_async() -> None:
    """Carry out all cases with `AsyncChartly`."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        case = json.loads(line)
        try:
            async with AsyncChartly(**case.get("client", {})) as client:
                respond(case, None, await async_answer(client, case))
        except Exception as error:  # noqa: BLE001  # the runner is told of everything
            respond(case, error)


if __name__ == "__main__":
    if "--async" in sys.argv:
        asyncio.run(drive_async())
    else:
        drive()
