"""The rows the numbers stand on: forecasts that count under a policy, with how their questions came out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasts.ledger import Ledger
from forecasts.model import PPM
from forecasts.policy import Policy
from forecasts.tables import Author, Forecast, Question
from scoring.intervals import Interval, betting_interval, cluster_means, gaffke_interval
from scoring.levels import ClusterTable

UNINFORMED = 500_000
#: Gaffke's interval takes time that grows with the square of the groups; past the largest number it was simulated
#: with, the betting interval stands in: proved, of linear cost, and by then about as narrow.
MOST_FOR_GAFFKE = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One forecast that counts: `y` is 1 for yes, 0 for no, and None while its question is open.

    All numbers are parts per million of the question's yes; `reference` is 50 % where none was registered.
    """

    forecast: Forecast
    question: Question
    y: int | None
    p: int
    low: int
    high: int

    @property
    def reference(self) -> int:
        """The probability the forecast is held against."""
        return UNINFORMED if self.question.reference_ppm is None else self.question.reference_ppm

    @property
    def brier(self) -> float:
        """The Brier score of a settled row: an exact integer times 10^-12."""
        if self.y is None:
            raise AssertionError("an open row has no score")
        return brier(self.p, self.y)

    def as_said(self) -> "Row":
        """Return the row as it bears on what was said, when the author said that it will not happen."""
        if self.forecast.asserts == "yes":
            return self
        y = None if self.y is None else 1 - self.y
        return Row(self.forecast, self.question, y, PPM - self.p, PPM - self.high, PPM - self.low)


def brier(ppm: int, y: int) -> float:
    """Return the Brier score of a probability in parts per million.

    >>> brier(300_000, 1)
    0.49
    """
    return float((ppm - y * PPM) ** 2 / PPM**2)


def is_known(author: Author) -> bool:
    """Whether one known person or organisation stands behind a record: only these are put beside others.

    An anonymous source may be several people, and a placeholder stands for whoever wrote one article.
    """
    return author.kind in ("person", "organisation")


def row_of(forecast: Forecast, question: Question, y: int | None) -> Row:
    """Return a standing forecast as a row."""
    p, low, high = forecast.probability_ppm, forecast.low_ppm, forecast.high_ppm
    if p is None or low is None or high is None:
        raise AssertionError("a standing forecast has a number")
    return Row(forecast, question, y, p, low, high)


def settled_rows(ledger: Ledger, author: Author, name: Policy, until: datetime | None = None) -> list[Row]:
    """Return the author's forecasts that count and whose questions came out yes or no, by public id.

    With `until`, only of questions whose deadline is not later: what comes true is settled sooner than what does
    not, so that only past their deadline claims are a fair sample.
    """
    settled = ledger.remember(
        ("settled", author.id, name),
        lambda: [
            row_of(forecast, ledger.questions[forecast.question_id], _y(ledger, forecast))
            for forecast in ledger.standing_by_author.get(author.id, [])
            if ledger.standing(forecast, name).scored
        ],
    )
    return [row for row in settled if until is None or row.question.deadline <= until]


def open_rows(ledger: Ledger, author: Author, name: Policy) -> list[Row]:
    """Return the author's forecasts that count and whose questions are open, by public id."""
    return ledger.remember(
        ("open", author.id, name),
        lambda: [
            row_of(forecast, ledger.questions[forecast.question_id], None)
            for forecast in ledger.standing_by_author.get(author.id, [])
            if ledger.standing(forecast, name).excluded_because is None
            and ledger.outcome(forecast.question_id) == "open"
        ],
    )


def headline(ledger: Ledger, author: Author, name: Policy, until: datetime | None = None) -> dict[str, Any]:
    """Return the few numbers a list of authors shows: claims scored, groups, and the mean with each group once.

    With `until` of claims past their deadline then alone: the mean is the headline of the author's page.
    """
    groups: dict[str, list[float]] = {}
    for row in settled_rows(ledger, author, name, until):
        groups.setdefault(row.question.cluster, []).append(row.brier)
    return in_short(groups)


def in_short(groups: Mapping[str, list[float]]) -> dict[str, Any]:
    """Return the numbers of a list, from the scores in each group.

    >>> in_short({"a": [0.0, 0.5], "b": [0.75]})
    {'scored': 3, 'clusters': 2, 'brier': 0.5}
    """
    return {
        "scored": sum(map(len, groups.values())),
        "clusters": len(groups),
        "brier": fmean(map(fmean, groups.values())) if groups else None,
    }


def unpicked(ledger: Ledger, rows: Iterable[Row]) -> list[Row]:
    """Return the rows whose articles nobody picked by hand: only those speak of more than themselves."""
    return [
        row
        for row in rows
        if ledger.collection_of(ledger.statements[row.forecast.statement_id]).method != "hand-picked"
    ]


def _y(ledger: Ledger, forecast: Forecast) -> int:
    return int(ledger.outcome(forecast.question_id) == "yes")


class Sample:
    """Settled rows as columns, shape (n,); `cluster` numbers the groups in the order of their last deadlines."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = tuple(rows)
        self.y = _column(row.y for row in self.rows)
        self.p = _column(row.p for row in self.rows)
        self.low = _column(row.low for row in self.rows)
        self.high = _column(row.high for row in self.rows)
        self.reference = _column(row.reference for row in self.rows)
        last: dict[str, Any] = {}
        for row in self.rows:
            label, due = row.question.cluster, row.question.deadline
            last[label] = max(last.get(label, due), due)
        number = {label: k for k, label in enumerate(sorted(last, key=lambda label: (last[label], label)))}
        self.cluster = _column(number[row.question.cluster] for row in self.rows)
        self.clusters = len(number)

    def __len__(self) -> int:
        return len(self.rows)

    def losses(self, ppm: NDArray[Any]) -> NDArray[np.float64]:
        """Return the Brier score of each row, were its probability this."""
        scores: NDArray[np.float64] = (ppm / PPM - self.y) ** 2
        return scores

    @property
    def groups(self) -> list[list[Row]]:
        """The rows of each group, in the order of the groups' last deadlines."""
        found: list[list[Row]] = [[] for _ in range(self.clusters)]
        for row, k in zip(self.rows, self.cluster, strict=True):
            found[k].append(row)
        return found

    def over_clusters(self, values: NDArray[Any]) -> float:
        """Return the mean over groups of the mean within a group."""
        return float(cluster_means(values, self.cluster).mean())

    def interval(
        self, values: NDArray[Any], *, bounds: tuple[float, float] = (0.0, 1.0), coverage: float = 0.95
    ) -> Interval:
        """Return the interval around `over_clusters(values)` that holds in small samples."""
        method = gaffke_interval if self.clusters <= MOST_FOR_GAFFKE else betting_interval
        return method(values, cluster=self.cluster, bounds=bounds, coverage=coverage)

    def table(self) -> ClusterTable:
        """Return the rows counted by group and probability."""
        return ClusterTable.from_arrays(np.zeros(len(self), dtype=np.int64), self.y, self.p, cluster=self.cluster)


def grouped(rows: Iterable[Row], key: Any) -> dict[Any, list[Row]]:
    """Return rows by what `key` says of each."""
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def _column(values: Iterable[int | None]) -> NDArray[np.int64]:
    return np.array(list(values), dtype=np.int64)
