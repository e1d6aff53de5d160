"""Compare verdicts with those of `buf breaking` on all pairs; fail where a difference has no reason."""

import sys
import tempfile
from pathlib import Path

from proto_pairs import CATEGORIES, compare_with_buf, differences, type_pairs, unlisted, written_pairs

SHAPES = ("{}", "optional {}", "repeated {}", "map<string, {}>")


def main() -> int:
    """Return 0 when every difference is one that is listed."""
    judged = agreed = 0
    wrong: dict[str, str] = {}
    for title, pairs in (("written", list(written_pairs())), *((shape, list(type_pairs(shape))) for shape in SHAPES)):
        with tempfile.TemporaryDirectory() as scratch:
            corpus = compare_with_buf(pairs, Path(scratch))
        found = differences(corpus)
        judged += len(pairs) * len(CATEGORIES)
        agreed += len(pairs) * len(CATEGORIES) - len(found)
        wrong |= {f"{title}: {pair}": verdict for pair, verdict in unlisted(found).items()}
    for pair, verdict in wrong.items():
        print(f"{pair}: {verdict}, and no reason is listed")
    print(f"breaking: {judged} verdicts, {agreed} as buf's, {judged - agreed - len(wrong)} differ for a listed reason")
    print(f"{judged - len(wrong)} passed, {len(wrong)} failed")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
