"""Where the words of marks stand, so that no word covers another or a mark: pure geometry, in pixels."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Pixels of the letters at 11 pixels: their mean width, and the height of a line.
LETTER, LINE = 6.0, 12.0
_GAP = 3.0
#: Pixels from the edge of a mark to its words, from which on a line has to lead there.
_FAR = 12.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle from (`left`, `top`) to (`right`, `bottom`); y grows downwards or upwards, as its user likes."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> "Box":
        """Return the rectangle with its middle at a point."""
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def shared(self, other: "Box") -> float:
        """Return the area that both cover.

        >>> Box(0, 0, 4, 4).shared(Box(3, 2, 9, 9)), Box(0, 0, 4, 4).shared(Box(4, 0, 8, 4))
        (2.0, 0.0)
        """
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return float(max(width, 0) * max(height, 0))


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark at (`x`, `y`) of half a width `radius`, and the words that belong beside it."""

    x: float
    y: float
    radius: float
    text: str


@dataclass(frozen=True, slots=True)
class Label:
    """The middle of a mark's words and the room they take."""

    x: float
    y: float
    box: Box

    def lead(self, mark: Mark) -> tuple[float, float] | None:
        """Return where a line from the mark to its words ends; None where they stand near."""
        x = min(max(mark.x, self.box.left), self.box.right)
        y = min(max(mark.y, self.box.top), self.box.bottom)
        return (x, y) if math.hypot(x - mark.x, y - mark.y) - mark.radius > _FAR else None


def place(marks: Sequence[Mark], side: float, taken: Iterable[Box] = ()) -> list[Label]:
    """Return where the words of each mark stand inside a square of a side, the earlier marks choosing first.

    The nearest place that covers no mark, no word and nothing `taken` is theirs; where there is none, the one
    that covers least.
    """
    covered = [*taken, *(Box.around(mark.x, mark.y, 2 * mark.radius, 2 * mark.radius) for mark in marks)]
    found = []
    for mark in marks:
        width = len(mark.text) * LETTER
        labels = list(_around(mark, width, side))
        costs = [sum(label.box.shared(box) for box in covered) for label in labels]
        best = labels[costs.index(min(costs))]
        covered.append(best.box)
        found.append(best)
    return found


def _around(mark: Mark, width: float, side: float) -> Iterable[Label]:
    """Yield the places around a mark that lie inside the square, the nearest first."""
    inside = Box(width / 2, LINE / 2, side - width / 2, side - LINE / 2)
    for ring in itertools.count():
        away = mark.radius + _GAP + ring * LINE
        upright, aside = away + LINE / 2, away + width / 2
        places = [(0, upright), (0, -upright), (aside, 0), (-aside, 0)]
        places += [(aside, upright), (-aside, upright), (aside, -upright), (-aside, -upright)]
        for dx, dy in places:
            x, y = mark.x + dx, mark.y + dy
            if inside.left <= x <= inside.right and inside.top <= y <= inside.bottom:
                yield Label(x, y, Box.around(x, y, width, LINE))
        if away > side / 3:
            return


def lanes(places: Sequence[float], texts: Sequence[str], *, letter: float = LETTER) -> list[int]:
    """Return the lane, from 0, of each word centred at a place on a line, so that those of one lane do not touch.

    >>> lanes([10, 16, 80], ["12", "9", "7"])
    [0, 1, 0]
    """
    ends: list[float] = []
    found = [0] * len(places)
    for k in sorted(range(len(places)), key=lambda k: places[k]):
        half = len(texts[k]) * letter / 2 + _GAP / 2
        if not texts[k]:
            continue
        lane = next((lane for lane, end in enumerate(ends) if end <= places[k] - half), len(ends))
        ends[lane : lane + 1] = [places[k] + half]
        found[k] = lane
    return found
