"""Our verdicts on the wire and in JSON beside those of `buf breaking`, on many small pairs of contracts.

`proto_corpus/pairs.yaml` has pairs for every rule of buf's, and each pair of field types is added. Where the verdicts differ,
`proto_corpus/differences.yaml` says why; a difference that it does not list fails, and so does one that is gone. All that we
find, whichever way it breaks, is in `golden/proto_findings.txt`; `make golden` writes it again.
"""

from __future__ import annotations

import fnmatch
import subprocess
import tempfile
from pathlib import Path

import pytest
from proto_pairs import (
    BUF,
    CATEGORIES,
    Corpus,
    compare_with_buf,
    differences,
    findings_of,
    listed_differences,
    type_pairs,
    unlisted,
    written_pairs,
)

GOLDEN = Path(__file__).with_name("golden") / "proto_findings.txt"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return compare_with_buf([*written_pairs(), *type_pairs()], tmp_path_factory.mktemp("corpus"))


def test_verdicts_are_those_of_buf_but_for_listed_differences(corpus: Corpus) -> None:
    found, listed = differences(corpus), listed_differences()
    assert unlisted(found) == {}
    gone = [
        entry["pair"]
        for entry in listed
        if not any(found[pair] == entry["verdict"] for pair in fnmatch.filter(found, entry["pair"]))
    ]
    assert gone == []
    assert all(entry["reason"] for entry in listed)


@pytest.mark.parametrize("category", list(CATEGORIES))
def test_the_corpus_has_a_pair_for_every_rule_of_buf(corpus: Corpus, category: str) -> None:
    listing = subprocess.run([BUF, "config", "ls-breaking-rules"], check=True, capture_output=True, text=True).stdout
    rules = {line.split()[0] for line in listing.splitlines()[1:] if category in line.replace(",", " ").split()}
    broken: set[str] = set().union(*corpus.said[category].values())
    assert rules - broken == set()
    assert len(corpus.names) >= 100


def golden_lines(corpus: Corpus) -> list[str]:
    """Each finding of the written pairs as a line: pair, layer, rule, and which way it breaks."""
    ways = {(True, True): "both", (True, False): "backward", (False, True): "forward", (False, False): "neither"}
    return [
        f"{pair.name} {one.layer} {one.rule} {ways[one.breaks_backward, one.breaks_forward]}"
        for pair in written_pairs()
        for one in findings_of(corpus, pair.name)
    ]


def test_all_findings_are_as_they_were_read(corpus: Corpus) -> None:
    assert golden_lines(corpus) == GOLDEN.read_text().splitlines()


def test_a_finding_that_breaks_says_what_to_do_and_no_other_does(corpus: Corpus) -> None:
    for name in corpus.names:
        for one in findings_of(corpus, name):
            assert bool(one.advice) is one.breaks, one


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        GOLDEN.write_text("\n".join(golden_lines(compare_with_buf(written_pairs(), Path(scratch)))) + "\n")
