"""Every number of a report, recomputed from what the report shows; and what too few groups must not show."""

import json
import re
from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import seeds
from forecasts.charts import MOST_STRIPS, describe, strip, to_svg
from forecasts.exchange.sheets import claims_csv
from forecasts.measures.rows import MOST_FOR_GAFFKE, headline
from forecasts.policy import POLICIES
from forecasts.reports import Report, author_report
from forecasts.text import report_text
from forecasts.web.author import pictures
from forecasts.web.pages import author_page
from scoring.calibration import consistency_band
from scoring.decompose import murphy_corrected
from scoring.intervals import betting_interval, gaffke_interval
from scoring.levels import LevelTable
from scoring.wording import wording_interval
from tests.support.desk import Desk
from tests.support.many import LATER, Many

Numbers = dict[str, Any]
EXACT = 1e-12
PPM = 1_000_000


def written(desk: Desk, many: Many, slug: str = "ada-bell", *, lexicons: bool = True) -> Report:
    """Write the claims and return the report on an author after every deadline, as its JSON says it."""
    if lexicons:
        for value in seeds.documents("lexicons").values():
            desk.register(value)
    many.write(desk.store)
    found: Report = json.loads(json.dumps(author_report(desk.ledger(), slug, LATER), allow_nan=False))
    return found


def stated(count: int, *, per_group: int = 1, **options: Any) -> Many:
    """Return one author who states numbers on so many groups, right about as often as said."""
    rng = np.random.default_rng(1)
    said = rng.choice([0.1, 0.3, 0.6, 0.8, 0.95], size=count * per_group)
    return Many(
        outcomes=[bool(happened) for happened in rng.random(len(said)) < said],
        said={"ada-bell": dict(enumerate(said.tolist()))},
        clusters=[f"c-{n // per_group}" for n in range(len(said))],
        **options,
    )


def mixed() -> Many:
    """Return an author of 220 claims: numbers and words, yes and no, references for some, a few still open."""
    rng = np.random.default_rng(2)
    phrases = ["Likely", "Highly Likely", "Unlikely", "Almost Certain"]
    count = 220
    said = {
        n: float(rng.choice([0.05, 0.2, 0.4, 0.7, 0.9])) if n % 4 else phrases[n // 4 % 4] for n in range(count)
    }
    outcomes: list[bool | None] = [bool(happened) for happened in rng.random(count) < 0.55]
    outcomes[::20] = [None] * len(outcomes[::20])
    return Many(
        outcomes=outcomes,
        said={"ada-bell": said},
        clusters=[f"c-{n // 2}" if n < 100 else f"c-{n}" for n in range(count)],
        references=[None if n % 3 else 0.6 for n in range(count)],
        denied=frozenset(range(0, count, 12)),
    )


def brier(row: Numbers, ppm: int | None = None) -> Fraction:
    said = Fraction(row["p_ppm"] if ppm is None else ppm, PPM)
    return (said - Fraction(row["outcome"])) ** 2


def mean(values: list[Fraction]) -> float:
    return float(sum(values, Fraction(0)) / len(values))


def group_means(rows: list[Numbers], values: list[Fraction]) -> list[float]:
    groups = defaultdict(list)
    for row, value in zip(rows, values, strict=True):
        groups[row["cluster"]].append(value)
    return [mean(found) for found in groups.values()]


# -- by hand -----------------------------------------------------------------------------------------------------


def test_every_number_follows_from_the_rows_the_report_shows(desk: Desk) -> None:
    report = written(desk, mixed())
    for name in POLICIES:
        numbers = report["policies"][name]
        rows = numbers["rows"]
        check_means(numbers, rows)
        check_reference(numbers["reference"], rows)
        check_words(numbers, rows)
        check_tests(numbers, rows)
        check_curve(numbers, [row for row in rows if row["basis"] == "stated"])
        check_maturity(report["maturity"][name], rows)


def check_means(numbers: Numbers, rows: list[Numbers]) -> None:
    scores = [brier(row) for row in rows]
    assert [row["brier"] for row in rows] == pytest.approx([float(found) for found in scores], abs=EXACT)
    assert (
        (numbers["scored"], numbers["clusters"])
        == (len(rows), len({row["cluster"] for row in rows}))
        == (209, 164)
    )
    assert numbers["by_basis"] == Counter({"coder": 0}) + Counter(row["basis"] for row in rows) | {"coder": 0}
    assert numbers["brier"] == pytest.approx(mean(scores), abs=EXACT)
    ends = [sorted((brier(row, row["low_ppm"]), brier(row, row["high_ppm"]))) for row in rows]
    assert numbers["brier_best"] == pytest.approx(mean([least for least, _ in ends]), abs=EXACT)
    assert numbers["brier_worst"] == pytest.approx(mean([most for _, most in ends]), abs=EXACT)
    groups = group_means(rows, scores)
    assert numbers["brier_over_clusters"] == pytest.approx(sum(groups) / len(groups), abs=EXACT)
    interval = gaffke_interval(groups)
    assert numbers["interval"] == pytest.approx([interval.lower, interval.upper], abs=1e-9)
    assert numbers["base_rate"] == pytest.approx(sum(row["outcome"] for row in rows) / len(rows), abs=EXACT)


def check_reference(found: Numbers, rows: list[Numbers]) -> None:
    against = [brier(row, 500_000 if row["reference_ppm"] is None else row["reference_ppm"]) for row in rows]
    assert found["brier"] == pytest.approx(mean(against), abs=EXACT)
    differences = [brier(row) - other for row, other in zip(rows, against, strict=True)]
    assert found["difference"] == pytest.approx(mean(differences), abs=EXACT)
    groups = group_means(rows, differences)
    assert found["over_clusters"] == pytest.approx(sum(groups) / len(groups), abs=EXACT)
    assert found["interval"][0] < found["over_clusters"] < found["interval"][1]
    assert found["registered"] == sum(row["reference_ppm"] is not None for row in rows)
    assert found["registered"] + found["uninformed"] == len(rows)


def check_words(numbers: Numbers, rows: list[Numbers]) -> None:
    words = [row for row in rows if row["basis"] == "lexicon"]
    said = [row["outcome"] if row["asserts"] == "yes" else 1 - row["outcome"] for row in words]
    uses = Counter(row["phrase"] for row in words)
    happened: Counter[str] = Counter()
    for row, true in zip(words, said, strict=True):
        happened[row["phrase"]] += true
    assert {row["phrase"]: (row["n"], row["happened"]) for row in numbers["phrases"]} == {
        phrase: (count, happened[phrase]) for phrase, count in uses.items()
    }
    listed = {row["forecast"] for row in words}
    assert {name for row in numbers["phrases"] for name in row["forecasts"]} == listed
    for found in numbers["lexicons"]:
        covered = [row for row in words if found["lexicon"] in row["readings"]]
        assert (found["forecasts"], found["worded"]) == (len(covered), len(words))
        if covered:
            read = [brier(row, row["readings"][found["lexicon"]]) for row in covered]
            assert found["brier"] == pytest.approx(mean(read), abs=EXACT)
            assert found["brier_as_registered"] == pytest.approx(mean([brier(row) for row in covered]), abs=EXACT)

    def turned(row: Numbers, field: str, other: str) -> int:
        return int(row[field] if row["asserts"] == "yes" else PPM - row[other])

    again = wording_interval(
        said,
        [turned(row, "p_ppm", "p_ppm") for row in words],
        low_ppm=[turned(row, "low_ppm", "high_ppm") for row in words],
        high_ppm=[turned(row, "high_ppm", "low_ppm") for row in words],
        phrase=[row["phrase"] for row in words],
        draws=numbers["wording"]["draws"],
    )
    for field in ("at_median", "at_low", "at_high", "best", "worst"):
        assert numbers["wording"][field] == pytest.approx(getattr(again, field), abs=EXACT)
    assert (numbers["wording"]["lower"], numbers["wording"]["upper"]) == pytest.approx(
        (again.lower, again.upper), abs=1e-9
    )


def check_tests(numbers: Numbers, rows: list[Numbers]) -> None:
    p = np.array([row["p_ppm"] for row in rows]) / PPM
    y = np.array([row["outcome"] for row in rows])
    groups = np.unique([row["cluster"] for row in rows], return_inverse=True)[1]
    for field, tilt in (("in_the_large", np.ones(len(p))), ("spiegelhalter", 1 - 2 * p)):
        found = numbers[field]
        off = (y - p) * tilt
        spread = max(float((tilt**2 * p * (1 - p)).sum()), float((np.bincount(groups, weights=off) ** 2).sum()))
        z = off.sum() / np.sqrt(spread)
        assert found["difference"] == pytest.approx(off.mean(), abs=EXACT)
        assert found["z"] == pytest.approx(z, abs=1e-9)
        assert found["p_value"] == pytest.approx(2 * stats.t.sf(abs(z), groups.max()), abs=1e-9)
    assert numbers["in_the_large"]["said"] == pytest.approx(p.mean(), abs=EXACT)


def check_curve(numbers: Numbers, rows: list[Numbers]) -> None:
    y, p = [row["outcome"] for row in rows], [row["p_ppm"] for row in rows]
    number = {label: k for k, label in enumerate(sorted({row["cluster"] for row in rows}))}
    band = consistency_band(y, p, cluster=[number[row["cluster"]] for row in rows])
    found = numbers["curve"]
    assert found["forecasts"] == len(rows)
    assert [point["probability"] for point in found["points"]] == [ppm / PPM for ppm in band.p_ppm]
    assert [point["recalibrated"] for point in found["points"]] == pytest.approx(
        band.recalibrated.tolist(), abs=EXACT
    )
    assert [point["lower"] for point in found["points"]] == pytest.approx(band.lower.tolist(), abs=0.1)
    assert found["miscalibration"] == pytest.approx(band.mcb, abs=EXACT)
    parts = found["miscalibration"] - found["discrimination"] + found["uncertainty"]
    assert parts == pytest.approx(mean([brier(row) for row in rows]), abs=EXACT)
    tenths = Counter(min(ppm // 100_000, 9) for ppm in p)
    assert {round(row["from"] * 10): row["n"] for row in numbers["bins"]} == tenths
    corrected = murphy_corrected(LevelTable.from_arrays(["ada"] * len(y), y, p), bins=10)
    for field in ("reliability", "resolution", "uncertainty"):
        assert numbers["decomposition"][field] == pytest.approx(getattr(corrected, field), abs=EXACT)


def check_maturity(found: Numbers, rows: list[Numbers]) -> None:
    sure = [brier(row) for row in rows]
    ends = [sorted((Fraction(row["p_ppm"], PPM) - y) ** 2 for y in (0, 1)) for row in found["rows"]]
    assert (found["open"], found["overdue"], found["counted"]) == (11, 11, len(rows) + 11)
    assert found["best"] == pytest.approx(mean(sure + [least for least, _ in ends]), abs=EXACT)
    assert found["worst"] == pytest.approx(mean(sure + [most for _, most in ends]), abs=EXACT)


def test_the_worked_example_of_the_documents(desk: Desk) -> None:
    many = Many(
        outcomes=[True, False, False, True, None],
        said={"ann": {0: 0.9, 1: "Likely", 2: 0.2, 3: 0.7, 4: 0.8}},
        clusters=["a", "a", "b", "c", "d"],
    )
    report = written(desk, many, "ann")
    numbers, ends = report["policies"]["strict"], report["maturity"]["strict"]
    page = (Path(__file__).parents[2] / "docs/scores.md").read_text(encoding="utf-8")
    example = page.split("## A worked example", 1)[1].split("##", 1)[0]
    found = [numbers[name] for name in ("brier", "brier_over_clusters", "brier_best", "brier_worst")]
    assert found == pytest.approx([0.175625, 0.13875, 0.125, 0.2375], abs=EXACT)
    for number in (*found, -numbers["reference"]["difference"], ends["best"], ends["worst"]):
        assert f"{number:.6g}" in example
    assert (numbers["phrases"][0]["n"], numbers["phrases"][0]["happened"], numbers["base_rate"]) == (1, 0, 0.5)
    assert len(numbers["withheld"]) == 7


def test_the_shrunk_estimate_is_what_its_parts_say(desk: Desk) -> None:
    rng = np.random.default_rng(3)
    slugs = [f"author-{k}" for k in range(10)]
    said = {slug: dict(enumerate(rng.choice([0.2, 0.4, 0.9], size=12).tolist())) for slug in slugs}
    many = Many(outcomes=[bool(n % 2) for n in range(12)], said=said)
    found = written(desk, many, "author-0")["policies"]["strict"]["shrunk"]
    assert found["authors"] == 10
    assert 0 <= found["weight"] <= 1
    expected = found["common_mean"] + found["weight"] * (found["mean"] - found["common_mean"])
    assert found["shrunk"] == pytest.approx(expected, abs=EXACT)


def test_many_groups_have_the_interval_that_takes_linear_time(desk: Desk) -> None:
    numbers = written(desk, stated(MOST_FOR_GAFFKE + 1), lexicons=False)["policies"]["broad"]
    assert numbers["interval_method"] == "betting"
    low, high = numbers["interval"]
    assert low < numbers["brier_over_clusters"] < high
    other = betting_interval([row["brier"] for row in numbers["rows"]])
    assert high - low == pytest.approx(other.upper - other.lower, abs=0.01)
    assert numbers["reference"]["interval"][0] < numbers["reference"]["over_clusters"]


# -- what the number of groups can carry ----------------------------------------------------------------------

ALWAYS = ("brier", "brier_best", "brier_worst", "brier_over_clusters", "base_rate", "reference")
FROM_10 = ("interval", "in_the_large", "spiegelhalter")
FROM_30 = ("curve",)
FROM_100 = ("bins", "decomposition")


@pytest.mark.parametrize(("groups", "shown"), [(9, 0), (10, 3), (29, 3), (30, 4), (99, 4), (100, 6)])
def test_each_gate_opens_at_its_number_of_groups(desk: Desk, groups: int, shown: int) -> None:
    report = written(desk, stated(groups, per_group=2), lexicons=False)
    numbers = report["policies"]["broad"]
    assert all(numbers[field] is not None for field in ALWAYS)
    gated = FROM_10 + FROM_30 + FROM_100
    assert [field for field in gated if numbers[field] is not None] == list(gated[:shown])
    missing = {row["item"] for row in numbers["withheld"]}
    assert len(missing) == len(gated) - shown + 1  # and the shrunk estimate, which needs other authors
    for row in numbers["withheld"]:
        assert "not shown: needs" in row["sentence"]
    if groups == 9:
        assert {row["there"] for row in numbers["withheld"]} == {9}
        assert "there are 9." in numbers["withheld"][0]["sentence"]
        assert "Too few to judge: 18 scored claims in 9 independent groups." in report["verdict"]


def test_a_bin_with_a_single_claim_withholds_the_decomposition(desk: Desk) -> None:
    many = stated(120)
    many.said["ada-bell"][0] = 0.45  # type: ignore[index]
    numbers = written(desk, many, lexicons=False)["policies"]["broad"]
    assert numbers["decomposition"] is None
    assert "one of the ten bins holds a single claim" in numbers["withheld"][-1]["sentence"]


def test_words_get_a_table_and_never_a_curve(desk: Desk) -> None:
    many = Many(outcomes=[n % 3 > 0 for n in range(120)], said={"ada-bell": dict.fromkeys(range(120), "Likely")})
    report = written(desk, many)
    numbers = report["policies"]["strict"]
    assert (numbers["curve"], numbers["bins"]) == (None, None)
    assert (numbers["phrases"][0]["n"], numbers["phrases"][0]["happened"]) == (120, 80)
    low, high = numbers["phrases"][0]["interval"]
    assert low < 2 / 3 < high
    why = next(row["sentence"] for row in numbers["withheld"] if row["item"] == "corp-curve")
    assert why.endswith("needs 30 independent groups of claims with a stated number, there are 0.")
    assert "'Likely': said 120 times, happened 80" in report_text(report)
    table = author_page(report, pictures(report)).split('id="phrases"', 1)[1].split("</section>", 1)[0]
    assert '<a href="#claims">120 times</a>' in table
    few = written_of(report, 12)
    table = author_page(few, pictures(few)).split('id="phrases"', 1)[1].split("</section>", 1)[0]
    links = re.findall(r'<a href="#(s-.*?)">(\d+)</a>', table)
    assert {statement for statement, _ in links} <= {found["id"] for found in report["statements"]}
    assert len(links) == 12


def written_of(report: Report, n: int) -> Report:
    """Return a report whose table by phrase names so many claims."""
    (row,) = report["policies"]["broad"]["phrases"]
    broad = report["policies"]["broad"] | {"phrases": [row | {"n": n, "forecasts": row["forecasts"][:n]}]}
    return report | {"policies": report["policies"] | {"broad": broad}}


def test_one_miss_of_an_author_who_was_certain_is_no_number_out_of_bounds(desk: Desk) -> None:
    many = Many(outcomes=[n != 3 for n in range(12)], said={"ada-bell": dict.fromkeys(range(12), 1.0)})
    found = written(desk, many, lexicons=False)["policies"]["broad"]["in_the_large"]
    assert (found["z"], found["p_value"]) == (None, 0.0)


def test_who_agrees_with_the_reference_differs_by_nothing(desk: Desk) -> None:
    many = Many(outcomes=[bool(n % 2) for n in range(12)], said={"ada-bell": dict.fromkeys(range(12), 0.5)})
    found = written(desk, many, lexicons=False)["policies"]["broad"]["reference"]
    assert (found["difference"], found["interval"]) == (0, None)
    assert found["sentence"].startswith("The same score as the reference")


@pytest.mark.parametrize("method", ["hand-picked", "complete"])
def test_what_was_picked_by_hand_speaks_of_itself_alone(desk: Desk, method: str) -> None:
    slugs = ["ada-bell", *(f"author-{k}" for k in range(10))]
    said = {slug: dict.fromkeys(range(12), 0.7 + 0.01 * k) for k, slug in enumerate(slugs)}
    many = Many(outcomes=[n % 3 > 0 for n in range(12)], said=said, methods={"ada-bell": method})
    report = written(desk, many, lexicons=False)
    picked = method == "hand-picked"
    assert ("not of Ada Bell" in report["chosen"]) is picked
    assert ("not of Ada Bell" in report["verdict"]) is picked
    assert (report["policies"]["strict"]["shrunk"] is None) is picked
    assert report["ranking"]["may_be_ranked"] is not picked
    why = [row["sentence"] for row in report["policies"]["strict"]["withheld"] if row["item"] == "shrunk"]
    told = "not shown: needs 10 independent groups from articles that nobody picked by hand, there are 0."
    assert why == [f"An estimate drawn towards other authors: {told}"] * picked


@pytest.mark.parametrize("kind", ["placeholder", "anonymous"])
def test_an_unknown_author_is_not_put_together_with_others(desk: Desk, kind: str) -> None:
    many = stated(12, kinds={"ada-bell": kind})
    withheld = written(desk, many, lexicons=False)["policies"]["broad"]["withheld"]
    assert "the author is unknown" in next(row["sentence"] for row in withheld if row["item"] == "shrunk")


# -- how it is shown ---------------------------------------------------------------------------------------------


def test_staying_inside_the_band_is_no_praise(desk: Desk) -> None:
    report = written(desk, stated(120))
    curve = report["policies"]["broad"]["curve"]
    assert curve["inside"]
    assert "That does not show calibration" in curve["sentence"]
    page = author_page(report, pictures(report))
    for shown in (json.dumps(report), report_text(report), page):
        assert "well calibrated" not in shown
    assert curve["sentence"] in page
    assert page.count("<svg ") == 4  # the scale, the curve, the two strips, and the score over time
    assert "broad and strict:" in report_text(report)


def test_leaving_the_band_says_how_rare_that_is(desk: Desk) -> None:
    many = Many(outcomes=[n % 2 > 0 for n in range(60)], said={"ada-bell": dict.fromkeys(range(60), 0.95)})
    curve = written(desk, many, lexicons=False)["policies"]["broad"]["curve"]
    assert not curve["inside"]
    assert "leaves the band" in curve["sentence"]
    assert "less than 1 %" in curve["sentence"]


def test_a_picture_stops_where_nobody_looks_on(desk: Desk) -> None:
    report = written(desk, stated(MOST_STRIPS + 5), lexicons=False)
    assert f"{MOST_STRIPS} strips, the first of {MOST_STRIPS + 5} forecasts by Ada Bell" in describe(report)
    svg = to_svg(strip(report))
    assert f">{MOST_STRIPS}. Does" in svg
    assert f">{MOST_STRIPS + 1}. Does" not in svg


def test_the_claims_make_a_sheet_with_a_row_each(desk: Desk) -> None:
    many = Many(outcomes=[True, None], said={"ada-bell": {0: 0.9, 1: 0.4}})
    report = written(desk, many, lexicons=False)
    report["statements"][0]["claim"] = "=1+1"
    report["statements"].append(report["statements"][0] | {"id": "s-none", "forecasts": []})
    header, *rows = claims_csv(report).splitlines()
    assert len(rows) == 3
    assert {"claim", "probability", "deadline", "outcome", "citation", "brier_strict"} <= set(header.split(","))
    assert "'=1+1" in rows[0]
    assert "the question is still open" in rows[1]
    assert claims_csv(report | {"statements": []}).startswith("statement,article,")


def test_a_list_of_authors_takes_only_the_means(desk: Desk) -> None:
    many = stated(20)
    many.said = {**many.said, "ben-cole": {}}
    report = written(desk, many)
    ledger = desk.ledger()
    found = headline(ledger, ledger.author("ada-bell"), "strict")
    numbers = report["policies"]["strict"]
    assert found == {"scored": 20, "clusters": 20, "brier": pytest.approx(numbers["brier"], abs=EXACT)}
    nothing = {"scored": 0, "clusters": 0, "brier": None}
    assert headline(ledger, ledger.author("ben-cole"), "broad") == nothing
