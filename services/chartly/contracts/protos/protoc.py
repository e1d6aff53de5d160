"""protoc in worker processes: as many as there are cores, started when first needed, replaced when they end.

A worker takes a millisecond or two for a small file, where a process of its own takes seventy.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from chartly.contracts.protos.protoc_worker import FRAME, import_name
from chartly.engine import InvalidDocument, Problem

MAX_MEMORY_BYTES = 2 << 30
MAX_CPU_SECONDS = 10.0

_SCRIPT = Path(__file__).with_name("protoc_worker.py")
_slots = threading.BoundedSemaphore(os.cpu_count() or 1)
_lock = threading.Lock()
_idle: list[Worker] = []


def run(
    files: Mapping[str, str], imports: Sequence[str], importable: Callable[[], Mapping[str, bytes]]
) -> tuple[bool, bytes]:
    """Compile files, whose paths are clean; wait for a worker if all are busy.

    Args:
        files: text by path.
        imports: paths of what they import beyond each other, all that these import included.
        importable: gives the serialized FileDescriptorSet of each file that may be imported, by path.

    Returns:
        Whether protoc took them, and the serialized FileDescriptorSet of the files or what protoc printed.

    Raises:
        InvalidDocument: the files take more memory, depth or time than a worker may use.
    """
    with _slots:
        worker = _borrow() or Worker(importable())
        try:
            answer = worker.compile(files, imports)
        except BaseException:
            worker.close()
            raise
        with _lock:
            _idle.append(worker)
        return answer


def _borrow() -> Worker | None:
    with _lock:
        while _idle:
            if (worker := _idle.pop()).is_alive:
                return worker
            worker.close()
    return None


class Worker:
    """One process of protoc, with a scratch folder of its own."""

    def __init__(
        self,
        importable: Mapping[str, bytes],
        *,
        memory_bytes: int = MAX_MEMORY_BYTES,
        cpu_seconds: float = MAX_CPU_SECONDS,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="chartly-protoc-")
        for path, descriptors in importable.items():
            Path(self._folder.name, import_name(path)).write_bytes(descriptors)
        self._process = subprocess.Popen(
            [sys.executable, "-I", _SCRIPT, self._folder.name, str(memory_bytes), str(cpu_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    @property
    def is_alive(self) -> bool:
        """Whether the process waits for work."""
        return self._process.poll() is None

    def compile(self, files: Mapping[str, str], imports: Sequence[str] = ()) -> tuple[bool, bytes]:
        """Return whether protoc took the files, and the descriptor set or what it printed; see `run`."""
        request = json.dumps({"files": dict(files), "imports": list(imports)}).encode()
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        with contextlib.suppress(BrokenPipeError):  # the answer will be short
            requests.write(FRAME.pack(0, len(request)) + request)
            requests.flush()
        if len(header := answers.read(FRAME.size)) == FRAME.size:
            compiled, size = FRAME.unpack(header)
            if len(payload := answers.read(size)) == size:
                return bool(compiled), payload
        raise InvalidDocument([Problem(0, 0, "", "TOO_EXPENSIVE", self._reason())])

    def close(self) -> None:
        """End the process and remove its folder."""
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def _reason(self) -> str:
        match -self._process.wait():
            case signal.SIGPROF:
                return "compiling the files takes too long; make them smaller"
            case signal.SIGSEGV:
                return "the files nest too deeply; nest their options less"
        return "compiling the files takes too much memory; make them smaller"


@atexit.register
def _close_idle() -> None:
    while _idle:
        _idle.pop().close()
