"""The pages hold together: their links lead somewhere, their lines are read without scrolling, changes are sentences."""

import re
from pathlib import Path

import pytest
from docs_pages import PAGES, ROOT

LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
CHANGE = re.compile(r"[a-z0-9-]+\.(added|changed|fixed|removed|security)\.md")
LONGEST_LINE = 130


def anchors(page: Path) -> set[str]:
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(page.read_text())}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text()):
        if target.startswith(("http:", "https:")):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_outside_tables_have_at_most_130_characters(page: Path) -> None:
    lines = [line for line in page.read_text().splitlines() if not line.startswith("|")]
    assert [line for line in lines if len(line) > LONGEST_LINE] == []


def test_each_change_is_one_sentence_in_a_file_that_says_its_kind() -> None:
    changes = list((ROOT / "docs" / "changes").iterdir())
    assert changes
    for change in changes:
        text = change.read_text()
        assert CHANGE.fullmatch(change.name), change.name
        assert text.endswith(".\n"), change.name
        assert len(re.findall(r"\.(?:\s|$)", text)) == 1, change.name
