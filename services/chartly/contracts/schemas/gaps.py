"""Where a value that one JSON Schema takes may be refused by another.

The answer errs to one side only: without a gap every value of the first is one of the second. What cannot be compared
is a gap. Each demand of the second schema has to follow from a demand of the first on the same keyword; an `anyOf` has to
take each branch of the first, or each of its types, by one of its branches.

A schema that refers to itself is compared with the other one once: what is asked again further down a value holds if it
holds here, and a gap here is one for the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from chartly.contracts.schemas.alike import all_alike
from chartly.contracts.schemas.cases import Cases, Exhausted, Shapes, by_pattern
from chartly.contracts.schemas.patterns import matches
from chartly.contracts.schemas.shape import LIMITS, NUMBERS, Contained, ObjectRule, Parts, Shape
from chartly.contracts.schemas.tree import REFERENCE_KEYWORDS, SUBSCHEMAS, Located
from chartly.contracts.schemas.words import joined, limit_words, type_words, value_words, words_of

MAX_LEVELS = 60


@dataclass(frozen=True, slots=True)
class Gap:
    """A demand of the second schema that does not follow from the first.

    keyword: that it stands by, or `property` for a member that only one of them names, or `schema` for all of it.
    path: of the value's schema with the keyword, as in `properties.price.minimum`.
    first, second: what they say, in words; empty for nothing.
    breaks: whether a value may be refused; where not, it is told because people want to know.
    """

    keyword: str
    path: str
    first: str
    second: str
    breaks: bool = True


def gaps(first: Located, second: Located, shapes: Shapes | None = None) -> list[Gap]:
    """Return where values of the first schema may be refused by the second, in the order of the second.

    Args:
        shapes: those of the two that are known; those that become known are added.
    """
    comparison = _Comparison({} if shapes is None else shapes)
    found: list[Gap] = []
    try:
        found.extend(comparison.gaps(*comparison.shapes(first, second), ""))
    except Exhausted:
        found.append(Gap("incomparable", "", "too large to compare", "too large to compare"))
    return found


class _Comparison:
    def __init__(self, shapes: Shapes) -> None:
        self._cases = Cases(shapes)
        self._level = 0
        self._assumed: set[tuple[Any, ...]] = set()

    def gaps(self, a: Shape, b: Shape, path: str) -> Iterator[Gap]:
        key = (a.key, b.key, a.types)
        if a.never or key in self._assumed or not b.parts:
            return
        self._cases.step()
        if self._level >= MAX_LEVELS:
            yield Gap("incomparable", path, "too deep to compare", "too deep to compare")
            return
        if b.never:
            yield Gap("schema", path, "some value", "no value")
            return
        if (b.opaque or b.conditions or b.one_of or b.contains) and all_alike(a.parts, b.parts):
            return
        self._assumed.add(key)
        self._level += 1
        try:
            yield from self._all(a, b, path)
        finally:
            self._level -= 1
        # It stays assumed: a gap was told once and counts for the whole.

    def shapes(self, first: Located, second: Located) -> tuple[Shape, Shape]:
        """Return the shapes of two schemas."""
        return self._cases.of([first]), self._cases.of([second])

    def covers(self, a: Shape, b: Shape) -> bool:
        """Return whether the second takes all of the first; nothing is told, so nothing stays assumed."""
        assumed = set(self._assumed)
        try:
            return not any(gap.breaks for gap in self.gaps(a, b, ""))
        finally:
            self._assumed = assumed

    def _all(self, a: Shape, b: Shape, path: str) -> Iterator[Gap]:
        yield from _values(a, b, path)
        yield from _types(a, b, path)
        common = a.types & b.types
        yield from _limits(a, b, common, path)
        if common & NUMBERS:
            yield from _multiples(a, b, path)
        if "string" in common:
            yield from _texts(a, b, path)
        if "array" in common:
            yield from self._items(a, b, path)
        if "object" in common:
            yield from self._members(a, b, path)
            yield from self._needs(a, b, path)
        yield from self._logic(a, b, path)

    def _items(self, a: Shape, b: Shape, path: str) -> Iterator[Gap]:
        if b.unique and not a.unique:
            yield Gap("uniqueItems", joined(path, "uniqueItems"), "", "true")
        count = max((len(rule.prefix) for rule in (*a.arrays, *b.arrays)), default=0)
        for index in range(count):
            yield from self.gaps(
                self._cases.of(a.item(index)), self._cases.of(b.item(index)), joined(path, f"items[{index}]")
            )
        if b.arrays:
            yield from self.gaps(self._cases.of(a.item(count)), self._cases.of(b.item(count)), joined(path, "items"))
        for wanted in b.contains:
            if not any(self._holds(had, wanted) for had in a.contains) and (wanted.least or wanted.most is not None):
                yield Gap("contains", joined(path, "contains"), "a demand" if a.contains else "", "a demand")

    def _holds(self, had: Contained, wanted: Contained) -> bool:
        old, new = self._cases.of([had.schema]), self._cases.of([wanted.schema])
        least = not wanted.least or (had.least >= wanted.least and self.covers(old, new))
        few = wanted.most is None or (had.most is not None and had.most <= wanted.most and self.covers(new, old))
        return least and few

    def _members(self, a: Shape, b: Shape, path: str) -> Iterator[Gap]:
        for name in sorted(b.required - a.required):
            yield Gap("required", joined(path, f"required.{name}"), "", name)
        if b.names:
            texts = replace(self._cases.of(a.names), types=frozenset(("string",)))
            yield from self.gaps(texts, self._cases.of(b.names), joined(path, "propertyNames"))
        named = [{name for rule in shape.objects for name in rule.properties} for shape in (a, b)]
        for name in sorted((named[0] | named[1]) - _members_alike(a, b)):
            yield from self._member(a, b, path, name, tuple(name in names for names in named))
        for rule in b.objects:
            yield from self._others(a, rule, path)

    def _member(self, a: Shape, b: Shape, path: str, name: str, named: tuple[bool, ...]) -> Iterator[Gap]:
        parts = a.member(name), b.member(name)
        if all(named) and _are_written_alike(*parts):
            return
        old, new = map(self._cases.of, parts)
        place = joined(path, f"properties.{name}")
        if all(named):
            yield from self.gaps(old, new, place)
        else:
            yield Gap("property", place, name if named[0] else "", name if named[1] else "", not self.covers(old, new))

    def _others(self, a: Shape, rule: ObjectRule, path: str) -> Iterator[Gap]:
        """Yield gaps for members that neither schema names."""
        for pattern, schema in rule.patterns.items():
            place = joined(path, f"patternProperties.{pattern}")
            yield from self.gaps(self._cases.of(by_pattern(a, pattern)), self._cases.of([schema]), place)
        if rule.rest is None:
            return
        rest, place = self._cases.of([rule.rest]), joined(path, "additionalProperties")
        yield from self.gaps(self._cases.of([each.rest for each in a.objects if each.rest]), rest, place)
        for pattern in sorted({pattern for each in a.objects for pattern in each.patterns} - rule.patterns.keys()):
            if not self.covers(self._cases.of(by_pattern(a, pattern)), rest):
                yield Gap("patternProperties", joined(path, f"patternProperties.{pattern}"), pattern, "")

    def _needs(self, a: Shape, b: Shape, path: str) -> Iterator[Gap]:
        for name, names in b.needs.items():
            if (more := names - a.required - a.needs.get(name, set()) - {name}) and not self._cases.member(
                a, name
            ).never:
                words = f"{', '.join(sorted(more))} with {name}"
                yield Gap("dependentRequired", joined(path, f"dependentRequired.{name}"), "", words)
        for name, schemas in b.dependent.items():
            with_name = self._cases.of((*a.parts, *a.dependent.get(name, ())))
            yield from self.gaps(with_name, self._cases.of(schemas), joined(path, f"dependentSchemas.{name}"))

    def _logic(self, a: Shape, b: Shape, path: str) -> Iterator[Gap]:
        for word, unions in (("anyOf", b.any_of), ("oneOf", b.one_of)):
            for branches in unions:
                yield from self._union(a, word, branches, path)
        for refused in b.nots:
            other = self._cases.of([refused])
            if not self._cases.apart(a, other) and not any(self.covers(other, self._cases.of([had])) for had in a.nots):
                yield Gap("not", joined(path, "not"), "a demand" if a.nots else "", "a demand")
        for condition in b.conditions:
            if not any(self._same_condition(had, condition) for had in a.conditions):
                yield Gap("if", joined(path, "if"), "a condition" if a.conditions else "", "a condition")
        for keyword in sorted(b.opaque):
            yield Gap("incomparable", joined(path, keyword), keyword if keyword in a.opaque else "", keyword)

    def _union(self, a: Shape, word: str, branches: list[Located], path: str) -> Iterator[Gap]:
        if any(all_alike(tuple(had), tuple(branches)) for had in (a.any_of if word == "anyOf" else a.one_of)):
            return
        shapes = [self._cases.of([branch]) for branch in branches]
        if word == "oneOf" and not self._cases.are_apart(shapes):
            if not any(self._same(had, branches) for had in a.one_of):
                yield Gap(word, joined(path, word), "branches" if a.one_of else "", "branches")
            return
        if not all(self._is_taken(index, piece, shapes) for index, piece in self._cases.pieces(a)):
            had = next(iter((*a.any_of, *a.one_of)), [])
            first = f"{len(had)} branches" if had else words_of(a)
            yield Gap(word, joined(path, word), first, f"{len(branches)} branches")

    def _is_taken(self, index: int, piece: Shape, shapes: list[Shape]) -> bool:
        """Return whether one of the shapes takes all of a piece; most often it is the one in the same place."""
        likely = shapes[index : index + 1]
        others = (shape for shape in shapes if not self._cases.apart(piece, shape))
        return any(self.covers(piece, shape) for shape in likely) or any(self.covers(piece, shape) for shape in others)

    def _same(self, first: list[Located], second: list[Located]) -> bool:
        return len(first) == len(second) and all(map(self._equal, first, second))

    def _equal(self, first: Located, second: Located) -> bool:
        a, b = self.shapes(first, second)
        return self.covers(a, b) and self.covers(b, a)

    def _same_condition(self, first: Located, second: Located) -> bool:
        old, new = ([_branch(at, word) for word in ("if", "then", "else")] for at in (first, second))
        then = (
            self.covers(self._cases.of([had]), self._cases.of([wanted]))
            for had, wanted in zip(old[1:], new[1:], strict=True)
        )
        return self._equal(old[0], new[0]) and all(then)


#: Keywords that make a schema more than a list of demands on plain values, and those whose values are more than what `==` tells.
_MORE = frozenset((*SUBSCHEMAS, *REFERENCE_KEYWORDS, "$id", "enum", "const"))


def _members_alike(a: Shape, b: Shape) -> set[str]:
    """Return members that both name with the same plain demands, so that there is no gap; most of a new revision are such."""
    if len(a.objects) != 1 or len(b.objects) != 1:
        return set()
    (one,), (other,) = a.objects, b.objects
    if one.patterns or other.patterns or one.at.dialect != other.at.dialect:
        return set()
    return {
        name
        for name, schema in one.properties.items()
        if isinstance(schema, dict) and schema == other.properties.get(name) and _MORE.isdisjoint(schema)
    }


def _are_written_alike(first: Parts, second: Parts) -> bool:
    """Return whether schemas are the same to the letter and refer to nothing; most members of a new revision are."""
    texts = ([f"{at.dialect} {at.schema!r}" for at in parts] for parts in (first, second))
    one, other = map(tuple, texts)
    return one == other and not any('"$' in text or "'$" in text for text in one)


def _branch(at: Located, word: str) -> Located:
    assert isinstance(at.schema, dict)
    return at.down(at.schema.get(word, True))


def _values(a: Shape, b: Shape, path: str) -> Iterator[Gap]:
    if b.values is None or (a.values is not None and a.values.keys() <= b.values.keys()):
        return
    if not (a.types <= {"null"} and "null" in b.types) and not _is_truth(a, b):
        yield Gap("enum", joined(path, "enum"), value_words(a.values), value_words(b.values))


def _is_truth(a: Shape, b: Shape) -> bool:
    return a.types <= {"boolean"} and {("bool", True), ("bool", False)} <= (b.values or {}).keys()


def _types(a: Shape, b: Shape, path: str) -> Iterator[Gap]:
    if not a.types <= b.types and b.values is None:
        yield Gap("type", joined(path, "type"), type_words(a.types), type_words(b.types))


def _limits(a: Shape, b: Shape, common: frozenset[str], path: str) -> Iterator[Gap]:
    for keyword, (sign, types) in LIMITS.items():
        limit, had = b.limits.get(keyword), a.known.get(keyword)
        if limit is None or not types & common:
            continue
        if had is None or (had < limit if sign > 0 else had > limit):
            stated = a.limits.get(keyword)
            yield Gap(keyword, joined(path, keyword), limit_words(stated), limit_words(limit))


def _multiples(a: Shape, b: Shape, path: str) -> Iterator[Gap]:
    for step in sorted(b.multiples):
        known = any((had / step).denominator == 1 for had in a.multiples)
        if not known and not ((1 / step).denominator == 1 and "fraction" not in a.types):
            yield Gap("multipleOf", joined(path, "multipleOf"), ", ".join(map(str, sorted(a.multiples))), str(step))


def _texts(a: Shape, b: Shape, path: str) -> Iterator[Gap]:
    texts = [value for value in (a.values or {}).values() if isinstance(value, str)]
    for pattern in sorted(b.patterns - a.patterns):
        if a.values is None or not all(matches(pattern, text) for text in texts):
            yield Gap("pattern", joined(path, "pattern"), " and ".join(sorted(a.patterns)), pattern)
    if more := b.formats - a.formats:
        yield Gap("format", joined(path, "format"), ", ".join(sorted(a.formats)), ", ".join(sorted(more)))
