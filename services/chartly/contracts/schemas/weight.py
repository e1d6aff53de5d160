"""What a JSON Schema may cost: bounds on its size, on loops of references, and on how often one value is looked at.

`anyOf: [A, A]` with `A: anyOf: [B, B]` and so on doubles with every line, and a `$ref` that leads to itself never ends. Both
are found on the graph of subschemas before any value is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from chartly.contracts.schemas.tree import REFERENCE_KEYWORDS, Located

MAX_SUBSCHEMAS = 50_000
MAX_WEIGHT = 10_000
"""How many subschemas one value, or one path through a value, may be checked against."""

_Key = int


class Overweight(Exception):
    """The schema costs more than it may; `at` is the subschema where that shows."""

    def __init__(self, reason: str, message: str, at: Located) -> None:
        super().__init__(message)
        self.reason = reason
        self.at = at


@dataclass
class _Graph:
    """Subschemas by identity, and which lead to which: in place, by taking a part of the value."""

    nodes: dict[_Key, Located] = field(default_factory=dict)
    in_place: dict[_Key, list[_Key]] = field(default_factory=dict)
    below: dict[_Key, list[_Key]] = field(default_factory=dict)

    def both(self, key: _Key) -> list[_Key]:
        return self.in_place[key] + self.below[key]


def check_weight(root: Located) -> None:
    """Follow a schema and all that it refers to; references that lead nowhere are left to others.

    Raises:
        Overweight: it is too large, loops, or looks at one value too often.
    """
    graph = _graph(root)
    for key in _postorder(graph.nodes, graph.in_place.__getitem__):
        if key < 0:
            message = "references lead from here back to here without taking a part of the value"
            raise Overweight("REFERENCE_LOOP", message, graph.nodes[-key])
    weights: dict[_Key, int] = {}
    for key in _postorder(graph.nodes, graph.both):
        if key > 0:
            same = sum(weights.get(child, 0) for child in graph.in_place[key])
            weights[key] = 1 + same + max((weights.get(child, 0) for child in graph.below[key]), default=0)
        if key > 0 and weights[key] > MAX_WEIGHT:
            message = f"one value may be checked against more than {MAX_WEIGHT} subschemas from here"
            raise Overweight("SCHEMA_TOO_COSTLY", message, graph.nodes[key])


def _graph(root: Located) -> _Graph:
    graph, waiting = _Graph(), [root]
    while waiting:
        at = waiting.pop()
        if isinstance(at.schema, bool) or (key := id(at.schema)) in graph.nodes:
            continue
        if len(graph.nodes) == MAX_SUBSCHEMAS:
            message = f"the schema has more than {MAX_SUBSCHEMAS} subschemas with those it refers to"
            raise Overweight("SCHEMA_TOO_LARGE", message, root)
        graph.nodes[key] = at
        targets = list(_targets(at))
        graph.in_place[key], graph.below[key] = [id(target.schema) for target in targets], []
        for child in at.children():
            targets.append(at.down(child.schema))
            if child.reach != "aside":
                getattr(graph, child.reach)[key].append(id(child.schema))
        waiting += targets
    for table in (graph.in_place, graph.below):
        for key, children in table.items():
            table[key] = [child for child in children if child in graph.nodes]
    return graph


def _targets(at: Located) -> Iterator[Located]:
    assert isinstance(at.schema, dict)
    for keyword in REFERENCE_KEYWORDS:
        if isinstance(reference := at.schema.get(keyword), str):
            try:
                yield at.target(reference)
            except LookupError:
                continue


def _postorder(keys: Iterable[_Key], children: Callable[[_Key], list[_Key]]) -> Iterator[_Key]:
    """Yield each key behind its children; the negative of a key that leads back to itself, where that shows."""
    done: dict[_Key, bool] = {}
    for root in keys:
        stack = [] if root in done else [(root, iter(children(root)))]
        done.setdefault(root, False)
        while stack:
            key, rest = stack[-1]
            for child in rest:
                if child not in done:
                    done[child] = False
                    stack.append((child, iter(children(child))))
                    break
                if not done[child]:
                    yield -child
            else:
                stack.pop()
                done[key] = True
                yield key
