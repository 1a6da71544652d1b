import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import _standing
from scoring.history import (
    History,
    HistoryScores,
    baseline_score,
    coverage,
    daily_brier,
    peer_score,
    spot_score,
    time_weighted_brier,
)

Update = tuple[str, str, int, int, int]  # author, question, time, ppm, time until withdrawn

OUTCOMES = {"q": 1, "r": 0}
OPENS, CLOSES, SCHEDULED = {"q": 10, "r": 0}, {"q": 70, "r": 83}, {"q": 100, "r": 83}

updates = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from("qr"),
        st.integers(-5, 90),
        st.integers(1, 999) | st.sampled_from([1, 500, 999]),
        st.integers(1, 120),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda update: update[:3],
)


@pytest.fixture(params=["numpy", "numba"], autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "numpy":
        monkeypatch.setattr(_standing, "_compiled", None)
    else:
        pytest.importorskip("numba")


def history(rows: list[Update], unit: float = 1) -> History:
    author, question, at, p, held = (list(column) for column in zip(*rows, strict=True))
    return History.from_arrays(
        [OUTCOMES[q] for q in question],
        [v / 1000 for v in p],
        author=author,
        question=question,
        at=[t * unit for t in at],
        opens=[OPENS[q] * unit for q in question],
        closes=[CLOSES[q] * unit for q in question],
        scheduled=[SCHEDULED[q] * unit for q in question],
        until=[(t + h) * unit for t, h in zip(at, held, strict=True)],
    )


def standing(rows: list[Update], author: str, question: str, moment: Fraction) -> Fraction | None:
    """The forecast that stands at a moment, found by looking at every update."""
    closes = CLOSES[question]
    before = [u for u in rows if u[:2] == (author, question) and u[2] <= moment and u[2] < closes]
    if not before or moment < OPENS[question]:
        return None
    _, _, at, p, held = max(before, key=lambda u: u[2])
    ended = at + held
    return Fraction(p, 1000) if moment < ended or (moment >= closes and ended >= closes) else None


def moments(rows: list[Update], question: str) -> list[tuple[Fraction, Fraction]]:
    """Pieces of the window within which nothing changes: (middle, length)."""
    times = {OPENS[question], CLOSES[question]}
    for _, q, at, _, held in rows:
        times |= {t for t in (at, at + held) if q == question and OPENS[q] < t < CLOSES[q]}
    ordered = sorted(times)
    return [(Fraction(a + b, 2), Fraction(b - a)) for a, b in itertools.pairwise(ordered)]


def by_pair(scores: HistoryScores) -> dict[tuple[str, str], float]:
    return dict(zip(zip(scores.author.tolist(), scores.question.tolist(), strict=True), scores.score, strict=True))


def pairs(rows: list[Update]) -> set[tuple[str, str]]:
    return {(author, question) for author, question, *_ in rows}


@given(updates)
def test_time_weighting_is_the_integral_over_the_covered_time(rows: list[Update]) -> None:
    scores, covered = time_weighted_brier(history(rows)), coverage(history(rows))
    expected, shares = {}, {}
    for author, question in pairs(rows):
        pieces = [(standing(rows, author, question, m), length) for m, length in moments(rows, question)]
        held = sum((length for p, length in pieces if p is not None), Fraction(0))
        shares[author, question] = held / (CLOSES[question] - OPENS[question])
        if held:
            loss = sum(
                (length * (p - OUTCOMES[question]) ** 2 for p, length in pieces if p is not None), Fraction(0)
            )
            expected[author, question] = float(loss / held)
    assert by_pair(scores) == pytest.approx(expected, abs=1e-12)
    assert scores.undefined == len(pairs(rows)) - len(expected)
    assert list(zip(covered.author, covered.question, strict=True)) == sorted(pairs(rows))
    for author, question, share in zip(covered.author, covered.question, covered.coverage, strict=True):
        assert share == pytest.approx(float(shares[author, question]), abs=1e-12)
    late = sum(at >= CLOSES[question] for _, question, at, _, _ in rows)
    assert covered.after_closing.sum() == late
    assert covered.updates.sum() == len(rows)


@given(updates, st.sampled_from([1, 7, 10]))
def test_the_daily_form_is_the_loop_over_days(rows: list[Update], day: int) -> None:
    expected = {}
    for author, question in pairs(rows):
        days = range(-(-OPENS[question] // day), -(-CLOSES[question] // day))
        stood = [standing(rows, author, question, Fraction(d * day)) for d in days]
        losses = [(p - OUTCOMES[question]) ** 2 for p in stood if p is not None]
        if losses:
            expected[author, question] = float(sum(losses, Fraction(0)) / len(losses))
    assert by_pair(daily_brier(history(rows), day=day)) == pytest.approx(expected, abs=1e-12)
    assert by_pair(daily_brier(history(rows, unit=0.5), day=day / 2)) == pytest.approx(expected, abs=1e-12)


def naive_peer(rows: list[Update], author: str, question: str, compat: bool) -> float | None:
    total, covered, alone = 0.0, Fraction(0), Fraction(0)
    window = SCHEDULED[question] - OPENS[question]
    for moment, length in moments(rows, question):
        mine = standing(rows, author, question, moment)
        if mine is None:
            continue
        covered += length
        given = [
            p if OUTCOMES[question] else 1 - p
            for other in "abc"
            if other != author and (p := standing(rows, other, question, moment)) is not None
        ]
        if not given:
            alone += length
            continue
        own = math.log(mine if OUTCOMES[question] else 1 - mine)
        total += 100 * float(length) * (own - sum(math.log(p) for p in given) / len(given))
    if compat:
        return total / window if covered else None
    return total / float(window - alone) if covered > alone else None


@given(updates, st.booleans())
def test_peer_scores_are_the_pairwise_definition(rows: list[Update], compat: bool) -> None:
    scores = peer_score(history(rows), compat="metaculus" if compat else None)
    expected = {pair: naive_peer(rows, *pair, compat) for pair in pairs(rows)}
    defined = {pair: score for pair, score in expected.items() if score is not None}
    assert by_pair(scores) == pytest.approx(defined, abs=1e-9)
    assert scores.undefined == len(expected) - len(defined)


@given(updates)
def test_baseline_scores_are_the_definition(rows: list[Update]) -> None:
    expected = {}
    for author, question in pairs(rows):
        pieces = [(standing(rows, author, question, m), length) for m, length in moments(rows, question)]
        held = [(p if OUTCOMES[question] else 1 - p, length) for p, length in pieces if p is not None]
        if held:
            total = sum(100 * (1 + math.log2(p)) * float(length) for p, length in held)
            expected[author, question] = total / (SCHEDULED[question] - OPENS[question])
    assert by_pair(baseline_score(history(rows))) == pytest.approx(expected, abs=1e-9)
    assert by_pair(baseline_score(history(rows), compat="metaculus")) == pytest.approx(expected, abs=1e-9)


@given(updates, st.integers(0, 90))
def test_spot_scores_look_at_one_moment(rows: list[Update], moment: int) -> None:
    baseline, peer, lenient = {}, {}, {}
    for author, question in pairs(rows):
        stood = {a: standing(rows, a, question, Fraction(moment)) for a in "abc"}
        given = {a: p if OUTCOMES[question] else 1 - p for a, p in stood.items() if p is not None}
        if author in given:
            baseline[author, question] = 100 * (1 + math.log2(given[author]))
            others = [math.log(p) for a, p in given.items() if a != author]
            score = 100 * (math.log(given[author]) - sum(others) / len(others)) if others else 0.0
            lenient[author, question] = score
            if others:
                peer[author, question] = score
    assert by_pair(spot_score(history(rows), at=moment, kind="baseline")) == pytest.approx(baseline, abs=1e-9)
    strict = spot_score(history(rows), at=moment)
    assert by_pair(strict) == pytest.approx(peer, abs=1e-9)
    assert strict.undefined == len(lenient) - len(peer)
    assert by_pair(spot_score(history(rows), at=moment, compat="metaculus")) == pytest.approx(lenient, abs=1e-9)


@given(updates, st.randoms())
def test_order_and_units_of_time_do_not_matter(rows: list[Update], random: Any) -> None:
    shuffled = rows.copy()
    random.shuffle(shuffled)
    for score in (time_weighted_brier, peer_score, baseline_score):
        reference = by_pair(score(history(rows)))
        assert by_pair(score(history(shuffled))) == pytest.approx(reference, abs=1e-9)
        assert by_pair(score(history(shuffled, unit=0.25))) == pytest.approx(reference, abs=1e-9)
        in_order = sorted(rows, key=lambda update: update[2])
        assert by_pair(score(history(in_order, unit=10**6))) == pytest.approx(reference, abs=1e-9)


def test_long_spans_in_fine_units_are_sorted_too() -> None:
    rng = np.random.default_rng(3)
    at = rng.integers(0, 2**60, 500)
    series = rng.integers(0, 9, 500)
    assert _standing.order_by(series, at).tolist() == np.lexsort((at, series)).tolist()
    in_order = np.sort(at)
    assert _standing.order_by(series, in_order).tolist() == np.lexsort((in_order, series)).tolist()


def test_a_late_forecast_shows_its_coverage_and_is_not_diluted() -> None:
    late = History.from_arrays([0], [0.9], author=["a"], question=["q"], at=[9.0], opens=0, closes=10)
    assert time_weighted_brier(late).score == pytest.approx([0.81])
    assert time_weighted_brier(late).coverage == pytest.approx([0.1])


def test_an_early_resolution_counts_zero_until_the_scheduled_closing() -> None:
    early = History.from_arrays([1], [0.75], author=["a"], question=["q"], at=[0], opens=0, closes=5, scheduled=10)
    assert baseline_score(early).score == pytest.approx([50 * (1 + math.log2(0.75))])
    assert baseline_score(early).coverage == pytest.approx([0.5])


def test_dates_are_utc_days_by_default() -> None:
    at = np.array(["2024-01-01T12:00", "2024-01-03T00:00"], dtype="datetime64[m]")
    dated = History.from_arrays(
        [1, 1],
        [0.5, 0.9],
        author=["a", "a"],
        question=["q", "q"],
        at=at,
        opens=np.datetime64("2024-01-01"),
        closes=np.datetime64("2024-01-06"),
    )
    # Days begin on the 2nd with the first forecast, on the 3rd to 5th with the second.
    assert daily_brier(dated).score == pytest.approx([(0.25 + 3 * 0.01) / 4])
    assert daily_brier(dated).coverage == pytest.approx([4 / 5])
    assert time_weighted_brier(dated).score == pytest.approx([(1.5 * 0.25 + 3 * 0.01) / 4.5])


def test_ruling_out_what_happened_is_infinite_refused_or_limited() -> None:
    wrong = History.from_arrays(
        [1, 1], [0.5, 0.0], author=["a", "b"], question=["q"] * 2, at=[0, 0], opens=0, closes=9
    )
    assert by_pair(baseline_score(wrong))["b", "q"] == -math.inf
    for score in (peer_score, lambda h: spot_score(h, at=3)):
        with pytest.raises(ValueError, match=r"p\[1\] is 0.0: it ruled out what happened"):
            score(wrong)
    assert by_pair(peer_score(wrong, compat="metaculus"))["a", "q"] == pytest.approx(100 * math.log(500))
    assert by_pair(baseline_score(wrong, compat="metaculus"))["b", "q"] == pytest.approx(
        100 * (1 + math.log2(0.001))
    )


def test_scores_average_over_questions_per_author() -> None:
    rows: list[Update] = [("a", "q", 0, 500, 200), ("a", "r", 0, 500, 200), ("b", "q", 0, 900, 200)]
    assert time_weighted_brier(history(rows)).by_author() == pytest.approx({"a": 0.25, "b": 0.01})


GOOD: dict[str, Any] = {
    "y": [1, 1],
    "p": [0.5, 0.6],
    "author": ["a", "a"],
    "question": ["q", "q"],
    "at": [1, 2],
    "opens": 0,
    "closes": 9,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"at": [1, 1]}, r"at\[[01]\] repeats a time"),
        ({"at": [1.0, math.nan]}, r"at\[1\] is nan"),
        ({"at": np.array(["2024-01-01", "NaT"], dtype="datetime64[D]")}, r"at\[1\] is NaT"),
        ({"at": ["x", "y"]}, r"at\[0\] is x: give numbers or datetime64"),
        ({"at": [[1, 2]]}, "at has 2 dimensions"),
        ({"at": [1]}, "at has 1 values but y has 2"),
        ({"y": [1, 0]}, r"y\[0\] is 1: it is the same throughout"),
        ({"opens": [0, 1]}, r"opens\[0\] is 0: it is the same throughout"),
        ({"closes": 0}, r"closes\[0\] is 0: a question closes after it opens"),
        ({"closes": [9, 9, 9]}, "closes has 3 values but there are 2 updates"),
        ({"scheduled": 5}, r"scheduled\[0\] is 5: a question closes no later than scheduled"),
        ({"until": [5, 1]}, r"until\[1\] is 1: nothing is withdrawn before it is made"),
        ({"p": [0.5, 1.5]}, r"p\[1\] is 1.5"),
        ({"author": [None, "a"]}, r"author\[0\] is None"),
        ({"y": [], "p": [], "author": [], "question": [], "at": []}, "y is empty"),
    ],
)
def test_bad_histories_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        History.from_arrays(**{**GOOD, **change})


def test_impossible_days_and_kinds_are_refused() -> None:
    good = History.from_arrays(**GOOD)
    with pytest.raises(ValueError, match="day is 0"):
        daily_brier(good, day=0)
    with pytest.raises(ValueError, match="no day starts in this window"):
        daily_brier(History.from_arrays(**{**GOOD, "opens": 1, "closes": 9}), day=100)
    with pytest.raises(ValueError, match="kind is 'relative'"):
        spot_score(good, at=3, kind="relative")  # type: ignore[arg-type]


def spotted(at: list[int], until: list[int] | None = None, **given: Any) -> History:
    return History.from_arrays(
        [1] * len(at),
        [0.5] * (len(at) - 1) + [0.999],
        author=["ann"] * (len(at) - 1) + ["bob"],
        question=["q"] * len(at),
        at=at,
        opens=0,
        closes=10,
        until=until,
        **given,
    )


def test_what_was_said_after_the_closing_is_not_spotted() -> None:
    scores = spot_score(spotted([2, 12]), at=13, kind="baseline")
    assert scores.author.tolist() == ["ann"]


def test_nothing_is_spotted_before_the_opening() -> None:
    assert len(spot_score(spotted([-5, -4]), at=-3, kind="baseline").score) == 0


def test_a_spot_is_the_same_throughout_a_question() -> None:
    with pytest.raises(ValueError, match="at"):
        spot_score(spotted([1, 2]), at=[3, 4], kind="baseline")


@pytest.mark.parametrize("score", [baseline_score, peer_score])
def test_a_misspelt_compat_is_refused(score: Any) -> None:
    with pytest.raises(ValueError, match="compat is 'Metaculus'"):
        score(spotted([1, 2]), compat="Metaculus")
    with pytest.raises(ValueError, match="compat is 'Metaculus'"):
        spot_score(spotted([1, 2]), at=3, compat="Metaculus")  # type: ignore[arg-type]


def test_the_closing_time_is_a_withdrawal_even_of_what_came_later() -> None:
    assert coverage(spotted([1, 12], until=[10, 10])).after_closing.tolist() == [0, 1]
