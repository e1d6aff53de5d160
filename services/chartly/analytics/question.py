"""What a caller asks: inputs of datasets, how they are joined, and how the joined rows are split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from chartly.runtime.errors import FieldViolation, InvalidField
from chartly.stats.summary import Statistic


@dataclass(frozen=True)
class Input:
    """A measure of a dataset; with a statistic it is first reduced to one value a join key."""

    profile_id: str
    measure: str
    statistic: Statistic | None = None

    def __str__(self) -> str:
        """Return all that it says, as in nyc-flights.dep_delay.mean."""
        return ".".join(word for word in (self.profile_id, self.measure, self.statistic) if word)


@dataclass(frozen=True)
class Window:
    """Instants from `start` on and before `end`, in microseconds since 1970 UTC; None is no bound."""

    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Band:
    """A named range of values: those up to `at_most`, those below `below`, or all."""

    label: str
    at_most: float | None = None
    below: float | None = None


@dataclass(frozen=True)
class Bands:
    """A split of rows by the value of one input; the first band whose bound holds takes the row."""

    measure: str
    bounds: tuple[Band, ...]


@dataclass(frozen=True)
class Query:
    """Inputs, the fields they are joined on, and the rows to read by observed_at."""

    inputs: tuple[Input, ...]
    join: tuple[str, ...]
    window: Window

    def __post_init__(self) -> None:
        repeated = [place for place, asked in enumerate(self.inputs) if asked in self.inputs[:place]]
        if repeated:
            raise InvalidField(
                [FieldViolation(f"inputs[{place}]", "the input stands here twice") for place in repeated]
            )

    @property
    def profile_ids(self) -> tuple[str, ...]:
        """The profiles of the inputs, each once, in the order of the inputs."""
        return tuple(dict.fromkeys(asked.profile_id for asked in self.inputs))

    @property
    def columns(self) -> tuple[str, ...]:
        """A name for the values of each input, no two the same."""
        return self.named()

    def named(self, *taken: str) -> tuple[str, ...]:
        """Return a name for each input: its measure, or all that it says where another or `taken` has that name."""
        counts = Counter([*taken, *(asked.measure for asked in self.inputs)])
        return tuple(asked.measure if counts[asked.measure] == 1 else str(asked) for asked in self.inputs)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Return the places of each pair of inputs, in their order.

        Raises:
            InvalidField: there are fewer than two inputs.
        """
        if len(self.inputs) < 2:
            raise InvalidField([FieldViolation("inputs", "a correlation needs at least 2 inputs")])
        return combinations(range(len(self.inputs)), 2)

    def place_of(self, bands: Bands) -> int:
        """Return the place of the input that decides the band.

        Raises:
            InvalidField: no input has that measure, or several have.
        """
        places = [place for place, asked in enumerate(self.inputs) if asked.measure == bands.measure]
        if len(places) != 1:
            problem = f"{'several inputs read' if places else 'no input reads'} {bands.measure}; bands need exactly one"
            raise InvalidField([FieldViolation("output.bands.measure", problem)])
        return places[0]
