"""Shapes as a comparison needs them: each made once, told apart, and taken to pieces; all within a budget of steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from chartly.contracts.schemas.normal import shape_of
from chartly.contracts.schemas.shape import Parts, Shape, type_of
from chartly.contracts.schemas.tree import Located

MAX_STEPS = 100_000

Shapes = dict[tuple[int, ...], Shape]
"""Shapes by the identity of the schemas that they are of, good while the documents live."""


class Exhausted(Exception):
    """The comparison took more steps than it may."""


class Cases:
    """Shapes of one comparison, and those that another one of the same documents has made."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._steps = 0

    def step(self) -> None:
        """Count a step.

        Raises:
            Exhausted: it is one too many.
        """
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise Exhausted

    def of(self, parts: Iterable[Located]) -> Shape:
        """Return the shape of schemas that a value has to meet all of."""
        parts = tuple(parts)
        key = tuple(id(part.schema) for part in parts)
        if (shape := self._shapes.get(key)) is None:
            self.step()
            shape = self._shapes[key] = shape_of(parts)
        return shape

    def member(self, shape: Shape, name: str) -> Shape:
        """Return the shape of a member of objects."""
        return self.of(shape.member(name))

    def pieces(self, shape: Shape) -> list[tuple[int, Shape]]:
        """Return shapes that together are a shape: itself by its first branches, each of one type, with the branch's index."""
        branches = next(iter((*shape.any_of, *shape.one_of)), None)
        wholes = [self.of((*shape.parts, branch)) for branch in branches] if branches else [shape]
        return [
            (index, replace(whole, types=frozenset((kind,)), values=_of_type(whole, kind)))
            for index, whole in enumerate(wholes)
            for kind in sorted(whole.types & shape.types)
            if not whole.never
        ]

    def are_apart(self, shapes: Sequence[Shape]) -> bool:
        """Return whether surely no value meets two of the shapes."""
        if self._have_discriminator(shapes):
            return True
        return all(self.apart(one, other) for index, one in enumerate(shapes) for other in shapes[:index])

    def apart(self, one: Shape, other: Shape) -> bool:
        """Return whether surely no value meets both: by type, by enumerated values, or by those of a required member."""
        self.step()
        if one.never or other.never or not one.types & other.types:
            return True
        if one.values is not None and other.values is not None:
            return not one.values.keys() & other.values.keys()
        if one.types & other.types != {"object"}:
            return False
        pairs = ((self.member(one, name), self.member(other, name)) for name in sorted(one.required & other.required))
        return any(_differ(a, b) for a, b in pairs)

    def _have_discriminator(self, shapes: Sequence[Shape]) -> bool:
        """Return whether objects all need a member of which each has other values; the common case, in one pass."""
        if not shapes or any(shape.types != {"object"} for shape in shapes):
            return False
        for name in sorted(frozenset.intersection(*(frozenset(shape.required) for shape in shapes))):
            told = [self.member(shape, name).values for shape in shapes]
            known = [values for values in told if values is not None]
            if len(known) == len(shapes) and len({key for values in known for key in values}) == sum(map(len, known)):
                return True
        return False


def by_pattern(shape: Shape, pattern: str) -> Parts:
    """Return what is sure of members that nobody names and a pattern matches."""
    parts = []
    for rule in shape.objects:
        if pattern in rule.patterns:
            parts.append(rule.patterns[pattern])
        elif not rule.patterns and rule.rest:
            parts.append(rule.rest)
    return tuple(parts)


def _differ(a: Shape, b: Shape) -> bool:
    return a.values is not None and b.values is not None and not a.values.keys() & b.values.keys()


def _of_type(shape: Shape, kind: str) -> dict[Any, Any] | None:
    return None if shape.values is None else {k: v for k, v in shape.values.items() if type_of(v) == kind}
