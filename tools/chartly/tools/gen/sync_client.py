"""The Python SDK's client without asyncio, made from the one with it, so that there is one description of both."""

import io
import itertools
import keyword
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

from chartly.tools.gen.image import script

#: Written by hand in both folders: what differs by more than words.
BY_HAND = "bridge.py"
_MADE = "# Made by `make gen` from aio/; edits are overwritten.\n"
_WORDS = {
    r"\basync (def|for|with) ": r"\1 ",
    r"\bawait ": "",
    r"\bAsync(Iterator|Chartly)\b": r"\1",
    r"\b__a(iter|enter|exit|next)__\b": r"__\1__",
    r"\ba(iter|next)\(": r"\1(",
    r"\bgrpc\.aio\.": "grpc.",
    r"\bchartly\.sdk\.aio\b": "chartly.sdk.sync",
    r" for asyncio\b": "",
    r"\.close\(None\)": ".close()",
}


def sync_client(aio: Path) -> dict[str, bytes]:
    """Return the content of each module of the client without asyncio, by its name, the bridge as it stands.

    Args:
        aio: folder of the client with asyncio; the other one is its sibling `sync`. A tree without it has neither.
    """
    if not aio.is_dir():
        return {}
    modules = (path for path in sorted(aio.glob("*.py")) if path.name != BY_HAND)
    made = {path.name: _formatted(_MADE + _without_async(path.read_text())) for path in modules}
    return made | {BY_HAND: (aio.parent / "sync" / BY_HAND).read_bytes()}


def _without_async(source: str) -> str:
    lines = source.splitlines(keepends=True)
    for row, column in sorted(_needless_parentheses(source), reverse=True):
        lines[row - 1] = lines[row - 1][:column] + lines[row - 1][column + 1 :]
    text = "".join(lines)
    for word, replacement in _WORDS.items():
        text = re.sub(word, replacement, text)
    return text


def _needless_parentheses(source: str) -> Iterator[tuple[int, int]]:
    """Yield where the parentheses of `(await …)` stand."""
    opened: list[tuple[int, int] | None] = []
    before = ""
    for token, after in itertools.pairwise(tokenize.generate_tokens(io.StringIO(source).readline)):
        if token.string in ("(", "[", "{"):
            calls = before.isidentifier() and not keyword.iskeyword(before)
            opened.append(token.start if after.string == "await" and not calls else None)
        elif token.string in (")", "]", "}") and (start := opened.pop()) is not None:
            yield start
            yield token.start
        before = token.string


def _formatted(source: str) -> bytes:
    for command in (
        ["check", "--quiet", "--fix", "--unsafe-fixes", "--select", "I,F401,C416,UP028"],
        ["format", "--quiet"],
    ):
        finished = subprocess.run(
            [script("ruff"), *command, "--stdin-filename", "sync.py", "-"],
            input=source.encode(),
            capture_output=True,
            check=True,
        )
        source = finished.stdout.decode()
    return source.encode()
