"""The pages that users read, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


class Block(NamedTuple):
    """A fenced block: the word behind its fence, and its text."""

    language: str
    text: str


def read(name: str) -> str:
    """Return a page, by its path from the root."""
    return (ROOT / name).read_text()


def blocks(text: str, *languages: str) -> list[Block]:
    """Return the fenced blocks of a page in their order, all or those of some languages."""
    found = [Block(*match) for match in _FENCED.findall(text)]
    return [block for block in found if not languages or block.language in languages]


def spans(text: str) -> list[str]:
    """Return what stands between backticks in the prose and tables of a page."""
    return _SPAN.findall(_FENCED.sub("", text))


def section(text: str, heading: str) -> str:
    """Return what stands below a heading, down to the next one of its level or a higher one."""
    level = heading.index(" ")
    match = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{level}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert match is not None, heading
    return match[1]


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables of a page, their heads left out."""
    lines = _FENCED.sub("", text).splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("| ") and not following.startswith("|---"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
