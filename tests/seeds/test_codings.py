"""The two codings of the founding articles: how far they agree, and what came of every difference."""

import csv
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from tests.support import agreement
from tests.support.agreement import FIELDS, Coded, Field, coding, differences, pair_up, seeded, shown

PAGE = (Path(__file__).parents[2] / "docs/seeds.md").read_text(encoding="utf-8")
RULED = list(
    csv.DictReader((files("seeds") / "codings/adjudication.csv").read_text(encoding="utf-8").splitlines())
)


def coded(start: int, end: int, **fields: object) -> Coded:
    return {"article": "a", "start": start, "end": end, "part": 1, "claim": "", "basis": None} | fields


def pairs_of(one: str, other: str) -> list[agreement.Pair]:
    return [({"kind": a}, {"kind": b}) for a, b in zip(one, other, strict=True)]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (
            "0100000010",
            "1110010000",
            0.095,
        ),  # Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, A
        ("aabbdcccedda", "babbbccceddd", 0.692),  # the same, B
    ],
)
def test_alpha_gives_the_published_worked_examples(one: str, other: str, expected: float) -> None:
    units, same, alpha = agreement.alpha(Field("kind", lambda row: row["kind"]), pairs_of(one, other))
    assert (units, same) == (len(one), sum(a == b for a, b in zip(one, other, strict=True)))
    assert alpha == pytest.approx(expected, abs=5e-4)


def test_the_interval_metric_weighs_how_far_apart_two_dates_are() -> None:
    deadline = next(field for field in FIELDS if field.name == "deadline")
    days = ["2019-01-01", "2019-02-01", "2019-03-01", "2021-01-20"]

    def measured(last: str) -> float:
        rows = [coded(0, 1, basis="coder", deadline=day) for day in days]
        others = [coded(0, 1, basis="coder", deadline=day) for day in [*days[:3], last]]
        return agreement.alpha(deadline, zip(rows, others, strict=True))[2]

    assert measured("2021-01-20") == 1
    assert 1 > measured("2021-01-19") > measured("2019-03-01")


def test_spans_pair_by_overlap_and_parts_of_one_span_by_their_words() -> None:
    first = [
        coded(0, 10, claim="Kim visits Seoul."),
        coded(0, 10, part=2, claim="Trump leaves office."),
        coded(50, 60),
    ]
    second = [
        coded(0, 9, claim="Trump resigns from office."),
        coded(1, 10, part=2, claim="Kim travels; Seoul receives the visitor."),
        coded(70, 80),
    ]
    found = [(a and first.index(a), b and second.index(b)) for a, b in pair_up(first, second)]
    assert found == [(0, 1), (1, 0), (2, None), (None, 2)]


def test_no_pair_spans_two_articles() -> None:
    first, second = [coded(0, 10)], [coded(0, 10, article="b")]
    assert pair_up(first, second) == [(first[0], None), (None, second[0])]


def test_the_page_prints_what_the_command_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["agreement"])
    agreement.main()
    table = capsys.readouterr().out.strip()
    assert len(table.splitlines()) == len(FIELDS) + 3
    assert table in PAGE


def test_the_page_counts_the_pairs_and_the_decisions() -> None:
    first, second = coding("first"), coding("second")
    kinds = Counter((a is not None, b is not None) for a, b in pair_up(first, second))
    assert (
        f"{len(first)} statements in the first coding, {len(second)} in the second: {kinds[True, True]} are in "
        f"both, {kinds[True, False]} only in the first, {kinds[False, True]} only in the second"
    ) in " ".join(PAGE.split())
    decisions = Counter(row["decision"] for row in RULED)
    assert (
        f"{len(RULED)} differences; the first coding stands in {decisions['first']}, the second in "
        f"{decisions['second']}, neither in {decisions['neither']}"
    ) in " ".join(PAGE.split())


def test_every_difference_is_decided_with_a_reason() -> None:
    fields = list(differences()[0].row())
    assert [{name: row[name] for name in fields} for row in RULED] == [each.row() for each in differences()]
    assert {row["decision"] for row in RULED} == {"first", "second", "neither"}
    assert all(row["reason"].endswith(".") for row in RULED)


def test_the_seeds_say_what_was_decided() -> None:
    now = {_place(row): row for row in seeded()}
    expected = {_place(row) for row in coding("first")}
    for row, difference in zip(RULED, differences(), strict=True):
        if difference.field is None and row["decision"] == "second":
            assert difference.second is not None
            expected.add(_place(difference.second))
        elif difference.field is not None:
            assert difference.first is not None
            value = shown(difference.field.value(now[_place(difference.first)]))
            if row["decision"] == "neither":
                assert value not in (row["first"], row["second"]), row
            else:
                dropped = row["field"] == "basis" and value == "no number"
                assert value == row[row["decision"]] or dropped, row
    assert set(now) == expected


def test_what_was_not_in_dispute_is_as_first_coded() -> None:
    now = {_place(row): row for row in seeded()}
    disputed = {
        (_place(difference.first), difference.field.name)
        for difference in differences()
        if difference.first is not None and difference.field is not None
    }
    for row in coding("first"):
        for field in FIELDS:
            value = field.value(now[_place(row)])
            same = value == field.value(row) or (value is None and now[_place(row)]["basis"] is None)
            assert same or field.implied or (_place(row), field.name) in disputed, (_place(row), field.name)


def test_each_statement_of_the_seeds_says_what_came_of_the_second_coding() -> None:
    seen = {_place(row): "one-of-two" for row in (*coding("first"), *coding("second"))}
    differ: dict[tuple[str, int, int, int, str], set[tuple[str, str]]] = {}
    for a, b in pair_up(coding("first"), coding("second")):
        if a is not None and b is not None:
            seen[_place(a)] = "agreed"
    for row, difference in zip(RULED, differences(), strict=True):
        if difference.field is not None and difference.first is not None:
            seen[_place(difference.first)] = "settled"
            differ.setdefault(_place(difference.first), set()).add((row["field"], row["decision"]))
    for row in seeded():
        place, note = _place(row), row.get("second_coding_note", "")
        assert row["second_coding"] == seen[place], place
        for field, decision in differ.get(place, ()):
            named = field.removeprefix("has a ").replace("stated_by", "speaker")
            told = next(part for part in note.rstrip(".").split(", the ") if decision in part.casefold())
            assert named in told, (place, field)
        if seen[place] == "one-of-two":
            by = "first" if any(_place(one) == place for one in coding("first")) else "second"
            assert note == f"Only the {by} coder saw it."


def _place(row: Coded) -> tuple[str, int, int, int, str]:
    return row["article"], row["start"], row["end"], row["part"], row["stated_by"]
