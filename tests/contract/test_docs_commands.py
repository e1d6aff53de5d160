"""Every command line of the pages is one that the command takes: its subcommands, flags and words exist."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from chartly.cli.main import cli
from chartly.drone.config import DroneSettings
from chartly.runtime import ServiceSettings
from chartly.runtime.settings import PORTS
from docs_pages import PAGES, ROOT, blocks, read, rows, section, spans

ASSIGNMENT = re.compile(r"[A-Z_]+=.*")
OPERATORS = "();<>|&\n"
PLACEHOLDER = re.compile(r"[A-Z_:|\[\]]+")


def simple_commands(text: str) -> Iterator[list[str]]:
    """Yield the commands of a shell text as words, without assignments, redirections and here-documents."""
    text = re.sub(r"<<'(\w+)'\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\s#.*$", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    lexer = shlex.shlex(text, posix=True, punctuation_chars=OPERATORS)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    for word in [*lexer, ";"]:
        if not set(word) <= set(OPERATORS) or not word:
            words.append(word)
        elif words:
            yield words
            words = []


def command_lines(page: Path) -> list[list[str]]:
    """Return the words behind `chartly` of each command of a page's shell blocks and prose."""
    text = page.read_text()
    shell = [block.text for block in blocks(text, "sh")]
    prose = [span for span in spans(text) if re.match(r"([A-Z_]+=\S+ )?chartly [a-z]", span)]
    found = [command for each in [*shell, *prose] for command in simple_commands(each)]
    return [command[1:] for command in map(without_assignments, found) if command[:1] == ["chartly"]]


def without_assignments(words: list[str]) -> list[str]:
    return words if not words or not ASSIGNMENT.fullmatch(words[0]) else without_assignments(words[1:])


def check(words: list[str]) -> None:
    """Fail where the command would not take these words; words in capitals stand for others."""
    command: click.Command = cli
    names = list(words)
    while isinstance(command, click.Group) and names and not names[0].startswith("-"):
        name = names.pop(0)
        assert name in command.commands, f"{name} of chartly {shlex.join(words)}"
        command = command.commands[name]
    if command.name in ("serve", "drone"):
        check_settings(command.name, names)
        return
    context = click.Context(command, info_name=command.name)
    values, rest, _ = command.make_parser(context).parse_args(names)
    assert not rest, f"{rest} of chartly {shlex.join(words)}"
    for param in command.params:
        given = values.get(param.name)
        for value in given if isinstance(given, list | tuple) else [given]:
            if isinstance(param.type, click.Choice) and isinstance(value, str) and not PLACEHOLDER.fullmatch(value):
                param.type.convert(value, param, context)


def check_settings(command: str, words: list[str]) -> None:
    """Fail where a service or the drone has no such flag."""
    if command == "serve" and words:
        service = words.pop(0)
        assert service in PORTS or PLACEHOLDER.fullmatch(service), service
    settings = DroneSettings if command == "drone" else ServiceSettings
    known = {"--help", *(f"--{name.replace('_', '-')}" for name in settings.model_fields)}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_is_one_that_the_command_takes(page: Path) -> None:
    for words in command_lines(page):
        check(words)


def test_the_command_lines_of_the_pages_are_found() -> None:
    found = {words[0] for page in PAGES for words in command_lines(page)}
    assert found >= {"up", "down", "status", "profile", "run", "runs", "records", "quarantine", "work", "key", "audit"}


def test_the_table_of_commands_has_every_command_and_no_other() -> None:
    named: set[str] = set()
    command = ""
    for cells in rows(section(read("README.md"), "## The commands")):
        for span in spans(cells[0]):
            command = span if span.startswith("chartly ") else f"{command.rpartition(' ')[0]} {span}"
            named.add(command)
    assert named == set(leaves(cli, "chartly"))


def leaves(command: click.Command, name: str) -> Iterator[str]:
    """Yield the full name of each command that is no group."""
    if isinstance(command, click.Group):
        for child in command.commands.values():
            yield from leaves(child, f"{name} {child.name}")
    else:
        yield name


def test_what_make_and_the_readme_say_of_the_demo_is_what_the_command_does() -> None:
    assert re.search(r"^demo:.*## .*\n\t@chartly demo$", read("Makefile"), re.MULTILINE)
    assert re.search(r"^up:.*## .*\n\t@chartly up$", read("Makefile"), re.MULTILINE)


@pytest.mark.parametrize("words", [["runs", "follow"], ["up", "--prot", "0"], ["work", "list", "--state", "sleeping"]])
def test_a_command_line_that_does_not_exist_is_noticed(words: list[str]) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        check(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_flag_in_the_prose_is_one_of_some_command(page: Path) -> None:
    known = {"--help", *flags_of(cli), *(f"--{name.replace('_', '-')}" for name in DroneSettings.model_fields)}
    named = {span.split()[0] for span in spans(page.read_text()) if span.startswith("--")}
    assert named <= known


def flags_of(command: click.Command) -> Iterator[str]:
    for param in command.params:
        yield from param.opts
    for child in command.commands.values() if isinstance(command, click.Group) else ():
        yield from flags_of(child)


def test_the_table_of_up_has_all_its_flags_with_their_defaults() -> None:
    flags = rows(section(read("docs/DEPLOYMENT.md"), "## Start and stop"))
    table = {cells[0].strip("`").split()[0]: cells[2].strip("`") for cells in flags}
    up = {param.opts[0]: param for param in cli.commands["up"].params}
    assert table.keys() == up.keys()
    assert {flag: table[flag] for flag in ("--port", "--base-port")} == {
        flag: str(up[flag].default) for flag in ("--port", "--base-port")
    }


def test_every_variable_named_is_read_somewhere() -> None:
    known = {f"CHARTLY_{field.upper()}" for settings in all_settings() for field in settings.model_fields}
    for path in (ROOT / "services" / "chartly").rglob("*.py"):
        strings = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
        known |= {text for text in strings if isinstance(text, str) and re.fullmatch(r"CHARTLY_[A-Z_]+", text)}
    named = {name for page in PAGES for name in re.findall(r"\bCHARTLY_[A-Z_]+", page.read_text())}
    assert named <= known


def all_settings() -> Iterator[type[ServiceSettings]]:
    from importlib import import_module

    for name in (*PORTS, "drone"):
        yield getattr(import_module(f"chartly.{name}.config"), f"{name.capitalize()}Settings")


def test_the_ports_of_the_page_are_those_of_the_settings() -> None:
    first, last = min(PORTS.values()), max(PORTS.values())
    ports = [cells[0] for cells in rows(section(read("docs/DEPLOYMENT.md"), "## Ports"))]
    assert ports == ["8090", f"{first} to {last}", f"{first + 1000} to {last + 1 + 1000}"]
