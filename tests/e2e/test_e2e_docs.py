"""What the pages tell their readers to paste works, and prints what they show."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from docs_pages import Block, blocks, read
from docs_shell import Shell, matches, settle, shell

# What differs from machine to machine and from run to run.
VARIABLE = [
    (r"\br-[0-9a-f]{20}", "RUN"),
    (r"localhost:\d+", "EDGE"),
    (r"\d+(\.\d+)? s\b", "SECONDS"),
    (r"\d+ ms\b", "MILLISECONDS"),
    (r"root [0-9a-f]{64}", "ROOT"),
    (r"\b\d+ entries", "ENTRIES"),
]


def lines(text: str) -> list[str]:
    """Return the lines of a text without what varies and without the width of columns."""
    for pattern, name in VARIABLE:
        text = re.sub(pattern, name, text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def words(text: str) -> list[str]:
    return " ".join(lines(text)).split()


def steps(page: list[Block]) -> Iterator[tuple[str, list[Block]]]:
    """Yield each shell block with the outputs that stand below it."""
    starts = [number for number, block in enumerate(page) if block.language == "sh"]
    for start, end in zip(starts, [*starts[1:], len(page)], strict=True):
        yield page[start].text, [block for block in page[start + 1 : end] if block.language in ("text", "json")]


def test_the_readme_leads_to_a_first_profile(tmp_path: Path) -> None:
    paste_all(tutorial("README.md", end="## The services"), tmp_path, tmp_path / "stations" / ".chartly")


def test_the_page_on_contracts_leads_to_a_first_contract(tmp_path: Path) -> None:
    paste_all(tutorial("docs/CONTRACTS.md", end="## Limits"), tmp_path, tmp_path / "weather" / ".chartly")


def tutorial(page: str, *, end: str) -> str:
    return read(page).partition("<!-- tutorial -->")[2].partition(end)[0]


def paste_all(text: str, folder: Path, data_dir: Path) -> None:
    with shell(folder) as terminal:
        try:
            for commands, shown in steps(blocks(text)):
                printed = terminal.paste(commands)
                # A page folds what a terminal shows in one line.
                assert words(printed) == words("\n".join(block.text for block in shown)), commands
                if "down" not in commands:
                    settle(data_dir)
        finally:
            terminal.paste("chartly down")


def test_the_data_folder_holds_what_the_page_says(start_mesh: Callable[..., Any], tmp_path: Path) -> None:
    table = read("docs/DEPLOYMENT.md").partition("## The data folder")[2].partition("## Keys")[0]
    named = set(re.findall(r"`([a-z.-]+/?)`[^|]*\|", table)) | {"default/"}
    with start_mesh(tmp_path) as mesh:
        found = {f"{path.name}{'/' if path.is_dir() else ''}" for path in mesh.data_dir.iterdir()}
    services = {name for name in found if re.fullmatch(r"[a-z]+\.sqlite(-wal|-shm)?", name)}
    assert services
    assert found - services <= named
    assert {"format", "admin.key", "keys/", "logs/", "run/"} <= found


def test_the_examples_of_the_api_page_answer_what_it_shows(start_mesh: Callable[..., Any], tmp_path: Path) -> None:
    page = blocks(read("docs/API.md"), "sh", "json", "text")
    with start_mesh(tmp_path / "work") as mesh, shell(tmp_path / "home", CHARTLY_URL=mesh.url) as terminal:
        terminal.paste(f"cd {tmp_path}/work")
        for commands, shown in steps(page):
            check_answer(terminal, commands, shown)
            settle(mesh.data_dir)


def check_answer(terminal: Shell, commands: str, shown: list[Block]) -> None:
    rest = terminal.paste(commands)
    for block in shown:
        if block.language == "json":
            answer, end = json.JSONDecoder().raw_decode(rest)
            rest = rest[end:].strip()
            assert matches(json.loads(block.text), answer), f"{commands}\n{answer}"
        else:
            expected = block.text.splitlines()
            assert matches(expected, rest.splitlines()), f"{commands}\n{rest}"
            rest = ""
    assert not rest, commands


def test_the_python_example_lists_profiles(start_mesh: Callable[..., Any], tmp_path: Path, capsys: Any) -> None:
    (example,) = blocks(read("docs/API.md"), "python")
    profile = blocks(read("docs/PROFILES.md"), "yaml")[1].text
    with start_mesh(tmp_path) as mesh:
        with mesh.client() as client:
            # The contract that the page's profile names.
            client.post("/api/contracts/orders/revisions", json={"type": "object"}).raise_for_status()
            headers = {"content-type": "application/yaml"}
            assert client.post("/api/profiles", content=profile, headers=headers).status_code == httpx.codes.OK
        exec(compile(example.text.replace("localhost:8090", f"localhost:{mesh.port}"), "API.md", "exec"), {})
    assert capsys.readouterr().out == "shop-orders 1.0.0\n"
