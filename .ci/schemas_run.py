"""Trials of the JSON Schemas on all messages of the contracts, and on a proto that has every rule of `buf.validate`.

The laws: what protojson and protovalidate accept passes in canonical form, and what passes keeps every rule but the noted ones.
The witness: buf's protoc-gen-jsonschema judges the same cases, and each way in which the two differ has its reason in
`tests/contract/golden/jsonschema_differences.json`; one without a reason fails, and so does a reason without a difference.
"""

import json
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from chartly.contracts.messages.schemas import Schemas
from chartly.tools.gen.image import Image, compile_protos, protoc
from schema_laws import patterns_of, rules_used, try_laws
from schema_witness import Comparison, Difference, compare_schemas

ROOT = Path(__file__).parents[1]
DIFFERENCES = ROOT / "tests" / "contract" / "golden" / "jsonschema_differences.json"
PROTOS = {"contracts": ROOT / "proto", "every rule": ROOT / "tests" / "contract" / "protos"}
CASES_EACH = {"contracts": 250, "every rule": 250}
WITNESS_EACH = {"contracts": 60, "every rule": 200}
LEAST_CASES = 100_000
MOST_SHOWN = 20
REFUSED_BY_NODE = """
const refuses = pattern => { try { new RegExp(pattern, "u"); return false } catch { return true } };
console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(0)).filter(refuses)));
"""
# The plugin ends with an error where a rule names infinity.
REFUSED_BY_WITNESS = "chartly/test/v1/infinite.proto"


def main(plugin: str) -> int:
    """Run both trials and return the exit code."""
    images = {name: compile_protos(folder) for name, folder in PROTOS.items()}
    checks = {**laws(images), **patterns(images), **witness(images, plugin)}
    for name, failures in checks.items():
        for failure in failures[:MOST_SHOWN]:
            print(f"{name}: {failure}", file=sys.stderr)
    failed = sum(map(bool, checks.values()))
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


def laws(images: dict[str, Image]) -> dict[str, list[str]]:
    """Return the disagreements by what was tried, and whether there were cases enough to tell."""
    cases, checks = 0, {}
    for name, image in images.items():
        tally = try_laws(image, Schemas(image.commented).names, CASES_EACH[name], seed=2013)
        used = len(rules_used(image).used)
        print(
            f"{name}: {tally.messages} messages, {used} rules, {tally.cases} cases, {tally.valid} valid, "
            f"{tally.accepted} accepted, {len(tally.disagreements)} disagreements"
        )
        cases += tally.cases
        checks[f"laws of {name}"] = tally.disagreements
    return checks | {"number of cases": [f"{cases} are fewer than {LEAST_CASES}"] if cases < LEAST_CASES else []}


def patterns(images: dict[str, Image]) -> dict[str, list[str]]:
    """Return the patterns that are none of ECMA-262, as Node reads it."""
    found = sorted({pattern for image in images.values() for pattern in patterns_of(image)})
    asked = subprocess.run(
        ["node", "-e", REFUSED_BY_NODE], input=json.dumps(found), capture_output=True, text=True, check=True
    )
    print(f"{len(found)} patterns in ECMA-262")
    return {"patterns": json.loads(asked.stdout)}


def witness(images: dict[str, Image], plugin: str) -> dict[str, list[str]]:
    """Return each difference without a reason, and each reason without a difference."""
    reasons = json.loads(DIFFERENCES.read_text())
    seen: set[int] = set()
    checks = {}
    for name, image in images.items():
        comparison = compare_schemas(image, _theirs(image, plugin), WITNESS_EACH[name], seed=2013)
        print(
            f"{name}, beside protoc-gen-jsonschema: {comparison.cases} cases, {len(comparison.counts)} ways to differ"
        )
        checks[f"differences of {name}"] = _without_reason(comparison, reasons, seen)
    unseen = [f"no case shows {row}" for number, row in enumerate(reasons) if number not in seen]
    return checks | {"reasons": unseen}


def _without_reason(comparison: Comparison, reasons: list[dict[str, Any]], seen: set[int]) -> list[str]:
    failures = []
    for difference, count in sorted(comparison.counts.items()):
        fitting = [number for number, row in enumerate(reasons) if _is_listed(difference, row)]
        seen.update(fitting)
        if not fitting:
            failures.append(f"no reason for {difference}, {count} times, as in {comparison.examples[difference]}")
    return failures


def _is_listed(difference: Difference, row: dict[str, Any]) -> bool:
    return (
        difference.rejected_by == row["rejected_by"]
        and difference.keyword in row["keywords"]
        and any(fnmatch(difference.field, pattern) for pattern in row["fields"])
    )


def _theirs(image: Image, plugin: str) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        descriptors, output = Path(folder, "image.binpb"), Path(folder, "schemas")
        descriptors.write_bytes(image.commented)
        output.mkdir()
        protoc(
            f"--descriptor_set_in={descriptors}",
            f"--plugin=protoc-gen-jsonschema={plugin}",
            f"--jsonschema_out={output}",
            "--jsonschema_opt=target=proto-bundle",
            *sorted(image.own - {REFUSED_BY_WITNESS}),
        )
        suffix = ".schema.bundle.json"
        return {path.name.removesuffix(suffix): json.loads(path.read_text()) for path in output.glob(f"*{suffix}")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
