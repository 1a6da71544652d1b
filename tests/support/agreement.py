"""How far the two codings of the founding articles agree: statements paired by their spans, alpha for each field.

`uv run python -m tests.support.agreement` prints the table that stands in docs/seeds.md, and `--differences`
every difference, in the form of seeds/codings/adjudication.csv without the decisions.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import SequenceMatcher
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import krippendorff
import numpy as np
from scipy.optimize import linear_sum_assignment

from seeds import documents

Coded = dict[str, Any]
Value = str | float | bool | None

ARTICLES = {
    edition["sha256"]: (article["key"], edition["characters"])
    for document in documents("articles").values()
    for article in document["articles"]
    for edition in article["editions"]
}
# The second coding names speakers as the text does. Where the text gives an office and the first coding the person
# who held it, they mean the same speaker; "North Korea" is not the same as its foreign ministry.
SPEAKERS = {
    "Jung H. Pak": "jung-h-pak",
    "Kim Jong Un": "kim-jong-un",
    "Donald Trump": "donald-trump",
    "North Korea's chief negotiator": "kim-myong-gil",
    "a senior North Korean official": "kim-kye-gwan",
    "Asia watchers": "asia-watchers",
    "White House officials": "white-house-officials",
    "The Washington Post": "washington-post",
    "North Korea (government)": "north-korea",
    "some military officers (unnamed)": "war-stories-2019-07-officers",
    "Christopher Hill": "christopher-hill",
    "a senior Trump administration official (unnamed)": "hanoi-2019-02-official",
    "David Maxwell": "david-maxwell",
    "Michael Pompeo": "mike-pompeo",
    "Robert Palladino": "robert-palladino",
    "supporters of Trump's diplomacy": "hanoi-2019-02-supporters",
    "Joseph DeTrani": "joseph-detrani",
    "two senior administration officials (unnamed)": "hanoi-2019-02-call-officials",
    "Laura Rosenberger": "laura-rosenberger",
}
Pair = tuple[Coded | None, Coded | None]


def coding(name: str) -> list[Coded]:
    """Return a coding ("first" or "second") with its speakers as slugs, in the order of the text."""
    rows: list[Coded] = json.loads((files("seeds") / f"codings/{name}.json").read_text(encoding="utf-8"))
    for row in rows:
        row["article"] = ARTICLES[row["article_sha256"]][0]
        for field in ("stated_by", "reported_via"):
            if row[field] == "author of the article":
                row[field] = f"{row['article']}-author"
            row[field] = SPEAKERS.get(row[field], row[field])
    return sorted(rows, key=lambda row: (row["article"], row["start"], row["part"]))


def seeded() -> list[Coded]:
    """Return what the seeds say now, in the form of a coding; rival readings are left out."""
    medians = {
        phrase["phrase"]: phrase["median"]
        for lexicon in documents("lexicons")["lexicons/capphrase.toml"]["lexicons"]
        for phrase in lexicon["phrases"]
    }
    rows: list[Coded] = []
    for document in documents("articles").values():
        questions = {question["key"]: question for question in document["questions"]}
        forecasts = {
            forecast["statement"]: forecast
            for forecast in document["forecasts"]
            if forecast.get("excluded_because") != "rival-reading"
        }
        for statement in document["statements"]:
            row = dict.fromkeys(("reported_via", "hedge_phrase", "basis", "phrase", "probability"), None)
            row |= {"part": 1, "condition": None, "deadline": None} | statement
            forecast = forecasts.get(statement["key"])
            if forecast is not None:
                question = questions[forecast["question"]]
                row |= {"basis": forecast["basis"], "phrase": forecast.get("phrase")}
                row["probability"] = _of_the_claim(forecast, medians)
                row["condition"] = question.get("condition", {}).get("question")
                last = (question["deadline"] - timedelta(microseconds=1)).astimezone(ZoneInfo(question["zone"]))
                row["deadline"] = last.date().isoformat()
            rows.append(row)
    return sorted(rows, key=lambda row: (row["article"], row["start"], row["part"]))


def _of_the_claim(forecast: Coded, medians: dict[str, float]) -> float:
    """Return the probability of what the statement claims, which may be the question's no."""
    if forecast["basis"] == "lexicon":
        return medians[forecast["phrase"]]
    probability = float(forecast["probability"])
    return probability if forecast["asserts"] == "yes" else round(1.0 - probability, 6)


def overlap(one: Coded, other: Coded) -> float:
    """Return the share of the characters of either span that both cover (Jaccard); 0 across articles."""
    if one["article"] != other["article"]:
        return 0.0
    shared = min(one["end"], other["end"]) - max(one["start"], other["start"])
    joint = max(one["end"], other["end"]) - min(one["start"], other["start"])
    return float(max(shared, 0) / joint)


def pair_up(first: list[Coded], second: list[Coded]) -> list[Pair]:
    """Pair statements one to one so that the spans overlap most; what has no partner stands alone.

    Several statements on one span are told apart by the wording of their claims, never by what is compared.
    """
    spans = np.array([[overlap(a, b) for b in second] for a in first])
    words = np.array(
        [[SequenceMatcher(None, _words(a["claim"]), _words(b["claim"])).ratio() for b in second] for a in first]
    )
    rows, columns = linear_sum_assignment(np.where(spans > 0, spans + words / 1000, 0), maximize=True)
    partner = {int(a): int(b) for a, b in zip(rows, columns, strict=True) if spans[a, b] > 0}
    pairs: list[Pair] = [(row, second[partner[i]] if i in partner else None) for i, row in enumerate(first)]
    pairs += [(None, row) for j, row in enumerate(second) if j not in partner.values()]
    return sorted(pairs, key=_place)


def _words(claim: str) -> list[str]:
    return sorted(word.strip(".,").casefold()[:5] for word in claim.split() if len(word) > 3)


def _place(pair: Pair) -> tuple[str, int, int]:
    row = pair[0] or pair[1]
    assert row is not None
    return row["article"], row["start"], row["part"]


@dataclass(frozen=True)
class Field:
    """A field of both codings: its value (None: it does not apply), and the metric of its distance."""

    name: str
    value: Callable[[Coded], Value]
    metric: str = "nominal"
    implied: bool = False  # by another field, so that a difference in it is listed there


def numbered(field: str) -> Callable[[Coded], Value]:
    """Return what reads a field only where the coding gave a number, so took the statement for a forecast."""
    return lambda row: row[field] if row["basis"] is not None else None


FIELDS = (
    Field("kind", lambda row: row["kind"]),
    Field("checkability", lambda row: row["checkability"]),
    Field("stated_by", lambda row: row["stated_by"]),
    Field("reported_via", lambda row: row["reported_via"] or "nobody"),
    Field("has a hedge", lambda row: row["hedge_phrase"] is not None),
    Field("basis", lambda row: row["basis"] or "no number"),
    Field("has a graded phrase", lambda row: row["phrase"] is not None, implied=True),
    Field("phrase", lambda row: row["phrase"]),
    Field("probability", numbered("probability"), "interval"),
    Field("has a condition", lambda row: None if row["basis"] is None else row["condition"] is not None),
    Field("deadline", numbered("deadline"), "interval"),
)


def alpha(field: Field, pairs: Iterable[Pair]) -> tuple[int, int, float]:
    """Return on how many pairs both give a value, on how many they give the same, and Krippendorff's alpha.

    A deadline is counted in days.
    """
    both = [(field.value(a), field.value(b)) for a, b in pairs if a and b]
    both = [(a, b) for a, b in both if a is not None and b is not None]
    same = sum(a == b for a, b in both)
    if field.metric == "interval":
        data = [[_number(value) for value in column] for column in zip(*both, strict=True)]
        return len(both), same, float(krippendorff.alpha(data, level_of_measurement="interval"))
    names = sorted({str(value) for values in both for value in values})
    numbers = [[names.index(str(value)) for value in column] for column in zip(*both, strict=True)]
    return len(both), same, float(krippendorff.alpha(numbers, level_of_measurement="nominal"))


def _number(value: Value) -> float:
    return float(date.fromisoformat(value).toordinal()) if isinstance(value, str) else float(value or 0)


def unitizing(first: list[Coded], second: list[Coded]) -> tuple[int, int, float]:
    """Return how many characters there are, on how many the codings agree, and the alpha of relevant or not.

    Each character lies in a forward-looking statement or in none (Krippendorff and others, Quality & Quantity 50,
    2016, binary alpha for unitizing, here over whole characters).
    """
    marks = []
    for rows in (first, second):
        article_marks = {key: np.zeros(characters, dtype=int) for key, characters in ARTICLES.values()}
        for row in rows:
            article_marks[row["article"]][row["start"] : row["end"]] = 1
        marks.append(np.concatenate([article_marks[key] for key in sorted(article_marks)]))
    counts = np.stack([2 - marks[0] - marks[1], marks[0] + marks[1]], axis=1)
    agreed = int((marks[0] == marks[1]).sum())
    return len(counts), agreed, float(krippendorff.alpha(value_counts=counts))


def table() -> str:
    """Return the agreement of the two codings as the Markdown table of docs/seeds.md."""
    first, second = coding("first"), coding("second")
    pairs = pair_up(first, second)
    lines = ["| what | metric | units | same | α |", "| --- | --- | --- | --- | --- |"]
    rows = [("looks ahead (characters)", "nominal", *unitizing(first, second))]
    rows += [(field.name, field.metric, *alpha(field, pairs)) for field in FIELDS]
    lines += [f"| {name} | {metric} | {n} | {same} | {value:.2f} |" for name, metric, n, same, value in rows]
    return "\n".join(lines)


@dataclass(frozen=True)
class Difference:
    """A statement that one coding lacks (`field` is None), or a field in which the two of a pair differ."""

    first: Coded | None
    second: Coded | None
    field: Field | None

    def row(self) -> dict[str, str]:
        """Return the difference as a row of seeds/codings/adjudication.csv, less decision and reason."""
        either = self.first or self.second
        assert either is not None
        row = {name: str(either[name]) for name in ("article", "start", "end")}
        for name, coded in (("first", self.first), ("second", self.second)):
            row[f"part_{name}"] = str(coded["part"]) if coded else ""
        row["field"] = self.field.name if self.field else "statement"
        for name, coded in (("first", self.first), ("second", self.second)):
            row[name] = shown(coded is not None if self.field is None else self.field.value(coded or {}))
        return row


def differences() -> list[Difference]:
    """Return every difference between the codings, in the order of the text."""
    found: list[Difference] = []
    for a, b in pair_up(coding("first"), coding("second")):
        if a is None or b is None:
            found.append(Difference(a, b, None))
            continue
        for field in FIELDS:
            one, other = field.value(a), field.value(b)
            if one is not None and other is not None and one != other and not field.implied:
                found.append(Difference(a, b, field))
    return found


def shown(value: Value) -> str:
    """Return a value as it stands in the table of differences."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def main() -> None:
    """Print the table of agreement, or with --differences each difference."""
    if "--differences" not in sys.argv[1:]:
        print(table())
        return
    rows = [difference.row() for difference in differences()]
    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


if __name__ == "__main__":
    main()
