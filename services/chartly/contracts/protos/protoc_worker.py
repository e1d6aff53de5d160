"""A process that compiles proto files until its input ends; `protoc` starts it as a script.

A request is a length and JSON `{"files": {path: text}, "imports": [path]}`; an answer is a byte (1 for compiled), a length,
and the FileDescriptorSet or what protoc printed. Nothing else is imported, so it starts quickly and holds little.

protoc runs in the process, for starting one takes longer than compiling. It recurses without a bound on nested options, so
this process has little to lose: a crash, too much memory or too much time end it alone.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

FRAME = struct.Struct("!BQ")


def main() -> None:
    """Answer requests; the arguments are a folder that holds what may be imported, and limits of bytes and of seconds."""
    folder, memory_bytes, cpu_seconds = sys.argv[1:]
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (int(memory_bytes), int(memory_bytes)))
    os.chdir(folder)
    log = os.open("log", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    while header := requests.read(FRAME.size):
        request = json.loads(requests.read(FRAME.unpack(header)[1]))
        signal.setitimer(signal.ITIMER_PROF, float(cpu_seconds))
        compiled, payload = compile_files(request["files"], request["imports"], log)
        signal.setitimer(signal.ITIMER_PROF, 0)
        send(answers, compiled, payload)
    shutil.rmtree(folder, ignore_errors=True)  # whoever started this process may have been killed


def compile_files(files: dict[str, str], imports: list[str], log: int) -> tuple[bool, bytes]:
    """Return whether protoc took the files, and its descriptor set or its complaints."""
    os.ftruncate(log, 0)
    os.lseek(log, 0, os.SEEK_SET)
    try:
        for path, text in files.items():
            target = Path("files", path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="")
        if run_protoc(files, imports) == 0:
            return True, Path("compiled").read_bytes()
        for path in files:  # protoc stopped at the first file that is wrong
            if f"{path}:".encode() not in complaints(log):
                run_protoc([path], imports)
        return False, complaints(log)
    finally:
        shutil.rmtree("files", ignore_errors=True)


def complaints(log: int) -> bytes:
    """Return what protoc has printed."""
    return os.pread(log, os.fstat(log).st_size, 0)


def run_protoc(files: Iterable[str], imports: list[str]) -> int:
    """Return protoc's exit code."""
    from grpc_tools import _protoc_compiler  # type: ignore[import-untyped]  # not where only names are wanted

    options = ["--proto_path=files", "--include_source_info", "--descriptor_set_out=compiled"]
    if imports:
        options.append(f"--descriptor_set_in={os.pathsep.join(map(import_name, imports))}")
    code: int = _protoc_compiler.run_main([os.fsencode(a) for a in ("protoc", *options, *files)])
    return code


def import_name(path: str) -> str:
    """Return the name under which the worker's folder holds the descriptor set of one importable file."""
    return path.replace("/", "-") + ".binpb"


def send(answers: BinaryIO, compiled: bool, payload: bytes) -> None:
    """Write one answer."""
    answers.write(FRAME.pack(compiled, len(payload)) + payload)
    answers.flush()


if __name__ == "__main__":
    main()
