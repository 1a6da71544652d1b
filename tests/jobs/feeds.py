"""A daily table over two years with everything real ones do, as a recording, and what its final truth says."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random

from tests.support import documents as d

LOCATION = "https://harbour.example/arrivals.csv"
FIRST = date(2020, 1, 1)
DAYS = 730
DEADLINE = date(2021, 7, 1)
WATCHED_UNTIL = DEADLINE + timedelta(days=30)  # the lag that the questions allow
KINDS = ("launch", "test", "drill", "flyby", "parade", "visit", "review")
WEIGHTS = (20, 6, 3, 0, 0, 0, 0)
HEADER = "id,date,kind,text"


@dataclass
class Row:
    """One row over time: listed from `known` until `gone`, with the date it bears from each day on."""

    key: int
    kind: str
    dates: list[tuple[date, date | None]]
    known: date
    gone: date | None = None
    text: str = "as reported"
    edits: list[tuple[date, str]] = field(default_factory=list)

    def line(self, day: date, keys: int, hyphen: str) -> str | None:
        if day < self.known or (self.gone is not None and day >= self.gone):
            return None
        dated = [at for since, at in self.dates if since <= day][-1]
        text = [self.text, *(text for since, text in self.edits if since <= day)][-1]
        return f"{self.key + keys},{dated.isoformat().replace('-', hyphen) if dated else ''},{self.kind},{text}"


def table(seed: int = 5) -> list[Row]:
    """Return the rows: some late by up to 23 days, some re-dated, edited, withdrawn, or first without a date."""
    chance = Random(seed)
    rows = [
        Row(number, "port", [(date(2019, 1, 1), date(2019, 1, 1) + timedelta(days=7 * number))], FIRST)
        for number in range(50)
    ]
    for number in range(50, 200):
        on = FIRST + timedelta(days=chance.randrange(DAYS - 30))
        lag = chance.choices((0, 1, 2, 5, 12, 19, 23), weights=(10, 30, 30, 15, 10, 3, 2))[0]
        known = on + timedelta(days=lag)
        row = Row(number, chance.choices(KINDS, WEIGHTS)[0], [(known, on)], known)
        match chance.randrange(12):
            case 0:  # first without a date
                row.dates = [(known, None), (known + timedelta(days=3), on)]
            case 1:  # first dated two days later
                row.dates = [(known, on + timedelta(days=2)), (known + timedelta(days=4), on)]
            case 2:
                row.edits = [(known + timedelta(days=9), "edited since")]
            case 3 if lag < 10:
                row.gone = known + timedelta(days=chance.randint(1, 2))
        rows.append(row)
    day = timedelta(days=1)
    rows += [
        Row(
            900, "flyby", [(DEADLINE + 22 * day, DEADLINE - day)], DEADLINE + 22 * day
        ),  # 23 days late, after a NO
        Row(
            901, "parade", [(DEADLINE - 9 * day, DEADLINE - 9 * day)], DEADLINE - 9 * day, gone=DEADLINE - 7 * day
        ),
        Row(
            902,
            "visit",
            [(DEADLINE - 3 * day, DEADLINE - 3 * day), (DEADLINE + 9 * day, DEADLINE + day)],
            DEADLINE - 3 * day,
        ),
        Row(
            903,
            "review",
            [(DEADLINE - 2 * day, DEADLINE + day), (DEADLINE + 20 * day, DEADLINE - day)],
            DEADLINE - 2 * day,
        ),
    ]
    return rows


def empty_days(since: date, *, seed: int = 8) -> list[date]:
    """Return two days, anywhere from a day on while questions are watched, on which the table has no rows."""
    days = range(since.toordinal(), WATCHED_UNTIL.toordinal())
    return [date.fromordinal(day) for day in sorted(Random(seed).sample(days, 2))]


def record(rows: Iterable[Row], directory: Path, *, empty: Collection[date], seed: int = 6) -> None:
    """Write one file a day, save on the days nobody asked."""
    chance = Random(seed)
    rows = list(rows)
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        if day not in empty and chance.random() < 0.05:
            continue
        keys = 0 if day < date(2021, 7, 3) else 1000  # re-keyed
        hyphen = "\u2011" if date(2021, 5, 1) <= day < date(2021, 8, 1) else "-"
        lines = [] if day in empty else [line for row in rows if (line := row.line(day, keys, hyphen))]
        name = day.isoformat() if number % 2 else f"{day.isoformat()}T00-00-00Z"
        (directory / f"{name}.csv").write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")


ASKED = [  # kind, number needed, days before the deadline on which the window opens
    (kind, needed, days) for kind in KINDS for needed in (1, 3) for days in (14, 500)
]


def questions() -> tuple[d.Item, dict[str, tuple[str, int, date, date]]]:
    """Return a document that asks about each kind before the deadline, and what each question asks by its key."""
    asked, said, forecasts, keys = [], [], [], {}
    for kind, needed, days in ASKED:
        key, opens = f"q-{kind}-{needed}-{days}", DEADLINE - timedelta(days=days)
        keys[key] = kind, needed, opens, DEADLINE
        leaf = d.event_leaf(
            type="count_at_least",
            k=needed,
            query={
                "location": LOCATION,
                "format": "csv",
                "columns": {"id": "id", "occurred": "date", "description": "text"},
                "zone": "UTC",
                "watermark": {"from": "fetch_time", "lag": "P2D"},
            },
            filter={"kind": [kind]},
            event_tz="UTC",
            grace="P14D",
            max_lag="P30D",
        )
        asked.append(
            d.question(
                key,
                criterion=leaf,
                opens_at=f"{opens}T00:00:00Z",
                opens_latest=f"{opens}T00:00:00Z",
                deadline=f"{DEADLINE}T00:00:00Z",
                zone="UTC",
            )
        )
        said.append(d.statement(f"s-{key}", claim=f"About {key}.", part=len(asked)))
        forecasts.append(d.forecast(f"s-{key}", key))
    return d.document(statements=said, questions=asked, forecasts=forecasts), keys


def truth(rows: Iterable[Row], kind: str, needed: int, opens: date, deadline: date) -> date | None:
    """Return the day on which a question came true, by what the table says in the end; None where it did not."""
    days = sorted(
        on
        for row in rows
        if row.gone is None and row.kind == kind and (on := row.dates[-1][1]) and opens <= on < deadline
    )
    return days[needed - 1] if len(days) >= needed else None
