import itertools
import math
import statistics
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
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


FORECASTS = Path(__file__).parents[2].parent / "shared" / "data" / "fivethirtyeight_forecasts.parquet"


@pytest.fixture(params=["numpy", "numba"], autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test runs sorted, a few updates at a time, and streamed where a log can be."""
    monkeypatch.setattr(_standing, "_LEAST", 4)
    if request.param == "numpy":
        monkeypatch.setattr(_standing, "compiled", None)
    else:
        pytest.importorskip("numba")
    return str(request.param)


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


def by_pair(scores: HistoryScores, column: str = "score") -> dict[tuple[str, str], float]:
    pair = zip(scores.author.tolist(), scores.question.tolist(), strict=True)
    return dict(zip(pair, getattr(scores, column), strict=True))


def pairs(rows: list[Update]) -> set[tuple[str, str]]:
    return {(author, question) for author, question, *_ in rows}


@given(updates, st.booleans())
def test_time_weighting_is_the_integral_over_the_covered_time(rows: list[Update], in_order: bool) -> None:
    if in_order:
        rows = sorted(rows, key=lambda update: update[2])
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
    assert by_pair(scores, "coverage") == pytest.approx({pair: float(shares[pair]) for pair in expected})
    assert list(by_pair(scores)) == sorted(expected)
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


def given_probability(p: Fraction, question: str, compat: bool) -> float:
    """What a forecast gave to what happened, within Metaculus' limits if asked for."""
    if compat:
        p = min(max(p, Fraction(1, 1000)), Fraction(999, 1000))
    return float(p if OUTCOMES[question] else 1 - p)


def naive_peer(rows: list[Update], author: str, question: str, compat: bool) -> dict[str, float] | None:
    """The average of the differences to each of the others, instant by instant."""
    total, covered, alone = 0.0, Fraction(0), Fraction(0)
    window = SCHEDULED[question] - OPENS[question]
    for moment, length in moments(rows, question):
        mine = standing(rows, author, question, moment)
        if mine is None:
            continue
        covered += length
        others = [
            given_probability(p, question, compat)
            for other in "abc"
            if other != author and (p := standing(rows, other, question, moment)) is not None
        ]
        if not others:
            alone += length
            continue
        own = math.log(given_probability(mine, question, compat))
        total += 100 * float(length) * (own - sum(math.log(p) for p in others) / len(others))
    if not covered or (covered == alone and not compat):
        return None
    return {
        "score": total / float(window if compat else window - alone),
        "coverage": float(covered / window),
        "alone": float(alone / window),
    }


@given(updates, st.booleans())
def test_peer_scores_are_the_pairwise_definition(rows: list[Update], compat: bool) -> None:
    scores = peer_score(history(rows), compat="metaculus" if compat else None)
    expected = {pair: naive_peer(rows, *pair, compat) for pair in pairs(rows)}
    defined = {pair: columns for pair, columns in expected.items() if columns is not None}
    for name in ("score", "coverage", "alone"):
        of_name = {pair: columns[name] for pair, columns in defined.items()}
        assert by_pair(scores, name) == pytest.approx(of_name, abs=1e-9)
    assert scores.undefined == len(expected) - len(defined)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=8), st.sampled_from("qr"))
def test_the_others_enter_by_their_geometric_mean(ppm: list[int], question: str) -> None:
    rows: list[Update] = [(str(i), question, 0, p, 200) for i, p in enumerate(ppm)]
    n, p = len(ppm), [given_probability(Fraction(v, 1000), question, compat=True) for v in ppm]
    mean = statistics.geometric_mean(p)
    open_share = (CLOSES[question] - OPENS[question]) / (SCHEDULED[question] - OPENS[question])
    expected = [100 * n / (n - 1) * math.log(own / mean) if n > 1 else 0.0 for own in p]
    spot = spot_score(history(rows), at=20, compat="metaculus")
    assert spot.score == pytest.approx(expected, abs=1e-9)
    assert sum(spot.score) == pytest.approx(0, abs=1e-8)
    over_time = peer_score(history(rows), compat="metaculus")
    assert over_time.score == pytest.approx([open_share * score for score in expected], abs=1e-9)
    baseline = baseline_score(history(rows), compat="metaculus")
    assert baseline.score == pytest.approx([open_share * 100 * (1 + math.log2(own)) for own in p], abs=1e-9)
    assert baseline.coverage == pytest.approx([open_share] * n)


def test_many_questions_at_once_cost_no_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_standing, "_LEAST", 1 << 16)
    rng = np.random.default_rng(6)
    p, at = rng.uniform(0.001, 0.999, (30_000, 2)), rng.uniform(0, 0.3, (30_000, 2))
    pairs = History.from_arrays(
        np.ones(60_000, dtype=np.int64),
        p.ravel(),
        author=np.tile([0, 1], 30_000),
        question=np.repeat(np.arange(30_000), 2),
        at=at.ravel(),
        opens=0.0,
        closes=0.7,
    )
    expected = 100 * (np.log(p[:, 0]) - np.log(p[:, 1])) * (0.7 - at.max(axis=1)) / 0.7
    scores = peer_score(pairs, compat="metaculus").score
    np.testing.assert_allclose(scores[:30_000], expected, rtol=0, atol=1e-11)
    np.testing.assert_allclose(scores[30_000:], -expected, rtol=0, atol=1e-11)


def test_what_metaculus_has_published_comes_out() -> None:
    # "Scores FAQ": open five days, resolves yes; 40 % on day 2, 70 % on day 3, 80 % on day 5.
    answers: dict[str, Any] = {"author": ["you"] * 3, "question": ["q"] * 3, "at": [1, 2, 4], "opens": 0}
    days = History.from_arrays([1] * 3, [0.4, 0.7, 0.8], **answers, closes=5)
    assert baseline_score(days, compat="metaculus").score.round().tolist() == [27]
    for day, printed in ((1.5, -32), (2.5, 49), (3.5, 49), (4.5, 68)):
        daily = spot_score(days, at=day, kind="baseline", compat="metaculus")
        assert daily.score.round().tolist() == [printed]
    # The same page: the best and worst scores there are, and what a confident forecast gains and loses.
    page: list[tuple[float, float, float]] = [(0.9999, 99.9, -897), (0.8, 68, -132), (0.99, 99, -564)]
    for p, yes, no in page:
        for y, score in ((1, yes), (0, no)):
            one = History.from_arrays([y], [p], author=["a"], question=["q"], at=[0], opens=0, closes=1)
            assert baseline_score(one, compat="metaculus").score == pytest.approx([score], abs=0.51)
    # The tests of its scoring code: 90 %, standing for half of the time, then closed early.
    for y, score in ((1, 84.79969066), (0, -232.19280949)):
        half: dict[str, Any] = {
            "author": ["a"],
            "question": ["q"],
            "at": [0],
            "opens": 0,
            "closes": 5,
            "scheduled": 10,
        }
        early = baseline_score(History.from_arrays([y], [0.9], **half), compat="metaculus")
        assert (early.score * 2).round(8).tolist() == [score]
        assert early.coverage.tolist() == [0.5]
    # The same page: log scores 2 and 3 better than Alex's make peer scores of -2.5, 0.5 and 2.
    logs = History.from_arrays(
        [1] * 3,
        np.exp([-4, -2, -1]),
        author=["Alex", "Bailey", "Cory"],
        question=["q"] * 3,
        at=[0] * 3,
        opens=0,
        closes=1,
    )
    assert peer_score(logs, compat="metaculus").score == pytest.approx([-250, 50, 200])


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
    at, series = rng.integers(0, 2**61, 500), rng.integers(0, 9, 500)
    for times in (at, np.sort(at), at / 3, np.sort(at) / 3):
        assert _standing.order_by(series, times).tolist() == np.lexsort((times, series)).tolist()


ALL_SCORES: list[Any] = [
    time_weighted_brier,
    lambda h: daily_brier(h, day=7),
    baseline_score,
    peer_score,
    lambda h: peer_score(h, compat="metaculus"),
    lambda h: spot_score(h, at=3000),
]


@pytest.mark.parametrize("score", ALL_SCORES)
def test_a_long_log_is_scored_like_each_of_its_questions(score: Any) -> None:
    rng = np.random.default_rng(4)
    n = 6000
    columns = {
        "p": rng.uniform(0.01, 0.99, n),
        "author": rng.integers(0, 20, n),
        "question": rng.integers(0, 30, n),
        "at": np.arange(n),
        "until": np.arange(n) + rng.integers(1, 3000, n),
    }

    def of(rows: Any) -> History:
        given = {name: values[rows] for name, values in columns.items()}
        return History.from_arrays(given["question"] % 2, given.pop("p"), **given, opens=100, closes=5500)

    together = by_pair(score(of(rng.permutation(n))))
    assert together == pytest.approx(by_pair(score(of(slice(None)))), abs=1e-9)
    apart: dict[Any, float] = {}
    for question in range(30):
        apart |= by_pair(score(of(columns["question"] == question)))
    assert together == pytest.approx(apart, abs=1e-9)
    assert len(apart) > 400


def test_a_log_in_time_order_is_streamed_if_numba_is_there(engine: str) -> None:
    rows: list[Update] = [("a", "q", at, 500, 200) for at in range(20, 30)]
    assert (history(rows).streamed is not None) == (engine == "numba")
    assert history(rows[::-1]).streamed is None
    many: list[Update] = [(str(at), "q", at, 500, 200) for at in range(5)]
    assert history([*many, ("a", "r", 90, 500, 1)]).streamed is None


@pytest.mark.skipif(
    not FORECASTS.is_file(), reason="the forecasts of FiveThirtyEight do not lie beside the repository"
)
def test_real_forecasts_are_scored_as_pandas_would() -> None:
    frame = pd.read_parquet(FORECASTS).query("project == 'mlb_playoffs'")
    frame = frame.assign(
        question=frame["target"].astype(str) + frame["event"].astype(str),
        at=pd.to_datetime(frame["forecast_date"].astype(str)),
    ).drop_duplicates(["question", "at"])
    frame["closes"] = frame.groupby("question")["at"].transform("max") + pd.Timedelta(days=3)
    frame["opens"] = frame.groupby("question")["at"].transform("min") - pd.Timedelta(days=2)
    log = History.from_arrays(
        frame["y"],
        frame["p"],
        author=["fivethirtyeight"] * len(frame),
        **{name: frame[name].to_numpy() for name in ("question", "at", "opens", "closes")},
    )
    frame = frame.sort_values(["question", "at"])
    held = frame.groupby("question")["at"].shift(-1).fillna(frame["closes"]) - frame["at"]
    days = held.dt.days
    loss = ((frame["p"] - frame["y"]) ** 2 * days).groupby(frame["question"]).sum()
    stood = days.groupby(frame["question"]).sum()
    for scores in (time_weighted_brier(log), daily_brier(log)):
        assert scores.question.tolist() == loss.index.tolist()
        assert scores.score == pytest.approx((loss / stood).to_numpy(), abs=1e-12)
        assert scores.coverage == pytest.approx((stood / (stood + 2)).to_numpy(), abs=1e-12)


def test_a_late_forecast_shows_its_coverage_and_is_not_diluted() -> None:
    late = History.from_arrays([0], [0.9], author=["a"], question=["q"], at=[9.0], opens=0, closes=10)
    assert time_weighted_brier(late).score == pytest.approx([0.81])
    assert time_weighted_brier(late).coverage == pytest.approx([0.1])


def test_a_withdrawn_forecast_counts_for_as_long_as_it_stood() -> None:
    both = History.from_arrays(
        [1, 1],
        [0.8, 0.4],
        author=["ann", "bob"],
        question=["q"] * 2,
        at=[0, 0],
        opens=0,
        closes=10,
        until=[5, 10],
    )
    assert by_pair(time_weighted_brier(both))["ann", "q"] == pytest.approx(0.04)
    assert coverage(both).coverage.tolist() == [0.5, 1]
    assert by_pair(peer_score(both, compat="metaculus"))["ann", "q"] == pytest.approx(50 * math.log(2))
    assert by_pair(peer_score(both, compat="metaculus"))["bob", "q"] == pytest.approx(-50 * math.log(2))
    assert spot_score(both, at=5, kind="baseline").author.tolist() == ["bob"]
    assert spot_score(both, at=4, kind="baseline").author.tolist() == ["ann", "bob"]


def test_a_revision_ends_a_forecast_that_was_meant_to_stand_longer() -> None:
    overlapping = History.from_arrays(
        [1, 1],
        [0.5, 0.9],
        author=["a"] * 2,
        question=["q"] * 2,
        at=[0, 4],
        opens=0,
        closes=10,
        until=[9, 6],
    )
    assert time_weighted_brier(overlapping).score == pytest.approx([(4 * 0.25 + 2 * 0.01) / 6])
    assert coverage(overlapping).coverage == pytest.approx([0.6])


def test_only_one_authors_updates_of_one_question_need_different_times() -> None:
    rows: list[Update] = [("a", "q", 20, 500, 200), ("b", "q", 20, 500, 200), ("a", "r", 20, 500, 200)]
    assert time_weighted_brier(history(rows)).score == pytest.approx([0.25] * 3)
    for repeated in (rows + rows[:1], rows[:1] + rows, [rows[2], rows[0], rows[0], *rows[1:], *rows[:1]]):
        with pytest.raises(ValueError, match="repeats a time: two forecasts of one author on one question"):
            history(repeated)


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
        ({"at": [1, None]}, r"at\[1\] is None: give numbers or datetime64"),
        ({"at": [False, True]}, r"at\[0\] is False: give numbers or datetime64"),
        ({"at": [0, 2**62]}, r"at\[1\] is 4611686018427387904: times are finite, and less than 2\^62"),
        ({"at": np.array([0, 2**63], dtype=np.uint64)}, r"at\[1\] is 9223372036854775808: times are finite"),
        ({"at": np.ma.array([1, 2], mask=[False, True])}, r"at\[1\] is masked"),
        ({"until": np.ma.array([5, 9], mask=[True, False])}, r"until\[0\] is masked"),
        ({"opens": math.nan}, r"opens\[0\] is nan: times are finite"),
        ({"closes": math.inf}, r"closes\[0\] is inf: times are finite"),
        ({"scheduled": [9, math.nan]}, r"scheduled\[1\] is nan: times are finite"),
        ({"until": [math.nan, 5]}, r"until\[0\] is nan: times are finite"),
        ({"closes": np.datetime64("2024-01-01")}, r"closes\[0\] is 2024-01-01.*: closes holds dates but at"),
        ({"until": np.datetime64("2024-01-01")}, r"until\[0\] is 2024-01-01.*: until holds dates but at"),
        ({"at": [0, 2**53 + 1], "closes": 2e16}, r"at\[1\] is 9007199254740993: beside times with fractions"),
        ({"at": [0.5, 1.5], "closes": 2**60}, r"closes\[0\] is 1152921504606846976: beside times with fr"),
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


DATED = GOOD | {
    "at": np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]"),
    "opens": np.datetime64("2024-01-01"),
    "closes": np.datetime64("2024-01-03"),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"opens": 0}, r"opens\[0\] is 0: opens holds numbers but at holds dates; give all times"),
        ({"closes": 1e18}, r"closes\[0\] is 1e\+18: closes holds numbers but at holds dates"),
        ({"scheduled": [1, 2]}, r"scheduled\[0\] is 1: scheduled holds numbers but at holds dates"),
        ({"until": 3.5}, r"until\[0\] is 3.5: until holds numbers but at holds dates"),
        ({"at": [1, 2]}, r"opens\[0\] is 2024-01-01.*: opens holds dates but at holds numbers"),
        ({"opens": np.datetime64("NaT")}, r"opens\[0\] is NaT: a time is missing"),
        ({"until": np.array(["2024-01-03", "NaT"], dtype="datetime64[s]")}, r"until\[1\] is NaT: a time is mi"),
        ({"closes": np.datetime64("300000-01-01")}, r"closes\[0\] is 300000-01-01: dates are kept in micros"),
        ({"closes": np.datetime64("2024-01-03T00:00:00.000000001")}, r"closes\[0\] is .*1: dates are kept in"),
        ({"closes": pd.Timestamp("2024-01-03", tz="Asia/Seoul")}, r"closes\[0\] is .*\+09:00: give numbers or"),
        (
            {"at": pd.date_range("2024-01-01", periods=2, tz="Asia/Seoul")},
            r"at\[0\] is 2024-01-01 00:00:00\+09:00: give numbers or datetime64 in UTC, without a time zone",
        ),
    ],
)
def test_dates_and_numbers_do_not_mix(change: dict[str, Any], message: str) -> None:
    History.from_arrays(**DATED)
    with pytest.raises(ValueError, match=message):
        History.from_arrays(**{**DATED, **change})


@pytest.mark.parametrize(
    ("given", "at", "message"),
    [
        (DATED, 3, r"at\[0\] is 3: at holds numbers but the history holds dates"),
        (GOOD, np.datetime64("2024-01-01"), r"at\[0\] is 2024-01-01.*: at holds dates but the history holds"),
        (DATED, np.datetime64("NaT"), r"at\[0\] is NaT: a time is missing"),
        (GOOD, math.nan, r"at\[0\] is nan: times are finite"),
        (GOOD, [1, math.inf], r"at\[1\] is inf: times are finite"),
        (GOOD, [1, 2, 3], "at has 3 values but there are 2 updates"),
        (GOOD, "noon", r"at\[0\] is noon: give numbers or datetime64"),
    ],
)
def test_a_spot_is_a_time_like_those_of_the_history(given: dict[str, Any], at: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spot_score(History.from_arrays(**given), at=at)


def test_units_of_dates_and_whole_numbers_beside_fractions_are_exact() -> None:
    finer = DATED | {
        "at": DATED["at"].astype("datetime64[ns]"),
        "opens": DATED["opens"].astype("datetime64[h]"),
        "until": np.datetime64("2024-01-02T12:00", "m"),
    }
    assert coverage(History.from_arrays(**finer)).coverage == pytest.approx([0.75])
    mixed = History.from_arrays(**{**GOOD, "at": [1, 2], "opens": 0.5, "closes": np.uint8(9), "until": [1.5, 9]})
    assert coverage(mixed).coverage == pytest.approx([7.5 / 8.5])


def test_impossible_days_and_kinds_are_refused() -> None:
    good = History.from_arrays(**GOOD)
    for day in (0, -1, math.nan, math.inf, "1", np.timedelta64(1, "D"), True):
        with pytest.raises(ValueError, match=r"day is .*: give its length as a positive number"):
            daily_brier(good, day=day)  # type: ignore[arg-type]
    assert daily_brier(good, day=np.int64(1)).score == pytest.approx([(0.25 + 7 * 0.16) / 8])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no day starts in this window, that of question 'q'"):
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
