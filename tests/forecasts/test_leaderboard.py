"""Who is ranked above whom: only what chance cannot explain, only where choice cannot, and under every lexicon."""

import json
import re
from typing import Any

import numpy as np
import pytest

import seeds
from forecasts.exchange.sheets import leaderboard_csv
from forecasts.leaderboard import Board, leaderboard
from forecasts.text import leaderboard_text
from forecasts.web.pages import leaderboard_page
from scoring.ranking import rank_intervals
from tests.support.clocks import at
from tests.support.desk import Desk
from tests.support.documents import collection, document, forecast, lexicon, manual, question, statement
from tests.support.many import LATER, Many

N = 40
OUTCOMES = [n % 2 > 0 for n in range(N)]


def board(desk: Desk, many: Many, now: Any = LATER) -> Board:
    """Write the claims and return the leaderboard, as its JSON says it."""
    many.write(desk.store)
    found: Board = json.loads(json.dumps(leaderboard(desk.ledger(), now), allow_nan=False))
    return found


def sure(right: float, wrong: float | None = None) -> dict[int, float | str]:
    """Return probabilities of somebody who gives `right` to what happens and `wrong` to what does not."""
    other = 1 - right if wrong is None else wrong
    return {n: right if happened else other for n, happened in enumerate(OUTCOMES)}


def noisy(seed: int) -> dict[int, float | str]:
    """Return probabilities as good as those of any other seed."""
    rng = np.random.default_rng(seed)
    return {
        n: float(np.clip((0.65 if y else 0.35) + rng.normal(0, 0.15), 0.02, 0.98).round(2))
        for n, y in enumerate(OUTCOMES)
    }


def reasons(found: Board, slug: str) -> list[str]:
    return [
        reason["code"] for row in found["cannot_be_ranked"] if row["slug"] == slug for reason in row["reasons"]
    ]


def test_equal_authors_are_not_ordered(desk: Desk) -> None:
    found = board(desk, Many(OUTCOMES, {f"author-{k}": noisy(k) for k in range(5)}))
    assert [(row["best_rank"], row["worst_rank"]) for row in found["ranked"]] == [(1, 5)] * 5
    assert [pair["better"] for pair in found["pairs"]] == [None] * 10
    assert all("may be chance" in pair["sentence"] for pair in found["pairs"])
    assert "no order among them can be told from chance" in found["sentence"]
    assert "10 of 10 pairs" not in leaderboard_text(found)  # few enough to be listed
    assert "may be chance" in leaderboard_text(found)


def test_a_clearly_better_author_is_ranked_above(desk: Desk) -> None:
    many = Many(OUTCOMES, {"ada": sure(0.95), "ben": noisy(1), "cid": noisy(2), "dot": sure(0.4)})
    found = board(desk, many)
    ranks = {row["slug"]: (row["best_rank"], row["worst_rank"]) for row in found["ranked"]}
    assert ranks["ada"] == (1, 1)
    assert ranks["dot"] == (4, 4)
    assert ranks["ben"] == ranks["cid"] == (2, 3)
    assert found["ranked"][0]["ranked_above"] == ["ben", "cid", "dot"]
    assert "Ada is ranked above Ben: lower scores on 40 shared groups of questions." in leaderboard_text(found)
    assert "the chance that any of them is false is at most 5 %" in found["sentence"]

    # The ranks are those that `scoring` gives on the rows the leaderboard shows.
    rows = [(row["slug"], shown) for row in found["ranked"] for shown in row["rows"]]
    again = rank_intervals(
        [shown["outcome"] for _, shown in rows],
        [shown["p_ppm"] for _, shown in rows],
        author=[slug for slug, _ in rows],
        question=[shown["question"] for _, shown in rows],
        cluster=[shown["cluster"] for _, shown in rows],
    )
    assert ranks == {
        str(slug): (int(best), int(worst))
        for slug, best, worst in zip(again.authors, again.best, again.worst, strict=True)
    }


def test_registered_and_ruled_like_any_other_it_ranks_too(desk: Desk) -> None:
    """The same through registration, proposals and confirmations."""
    keys = range(12)
    value = document(
        collections=[collection(method="complete")],
        questions=[question(f"q-{n}", title=f"{n}?", criterion=manual(f"{n}"), cluster=f"c-{n}") for n in keys],
        statements=[
            statement(f"s-{slug}-{n}", start=n, end=n + 20, stated_by=slug)
            for slug in ("ada-bell", "ben-cole")
            for n in keys
        ],
        forecasts=[
            forecast(f"s-{slug}-{n}", f"q-{n}", probability=p)
            for slug, p in (("ada-bell", 0.95), ("ben-cole", 0.1))
            for n in keys
        ],
    )
    ids = desk.ids(value)
    for n in keys:
        desk.propose(ids[f"q-{n}"])
    desk.clock.set("2020-07-02T00:00:00Z")
    for n in keys:
        desk.confirm(ids[f"q-{n}"])
    early = leaderboard(desk.ledger(), at("2020-06-30"))
    assert reasons(early, "ada-bell") == ["too-few"]  # the deadlines are still to come
    found = leaderboard(desk.ledger(), desk.clock.now())
    assert [(row["slug"], row["best_rank"]) for row in found["ranked"]] == [("ada-bell", 1), ("ben-cole", 2)]
    assert desk.report("ada-bell")["ranking"]["may_be_ranked"]


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"methods": {"ada": "hand-picked"}}, ["hand-picked"]),
        ({"kinds": {"ada": "placeholder"}}, ["placeholder"]),
        ({"kinds": {"ada": "anonymous"}}, ["anonymous"]),
    ],
)
def test_however_good_some_are_never_ranked(desk: Desk, change: Any, codes: list[str]) -> None:
    found = board(desk, Many(OUTCOMES, {"ada": sure(1.0), "ben": noisy(1), "cid": sure(0.3)}, **change))
    assert [row["slug"] for row in found["ranked"]] == ["ben", "cid"]
    assert reasons(found, "ada") == codes
    assert all("ada" not in pair["authors"] for pair in found["pairs"])


def test_criteria_written_after_the_fact_rank_nobody(desk: Desk) -> None:
    """Twenty of Ada's claims had theirs in advance, and eight of Ben's; none of what is left out counts."""
    late = frozenset(range(8, 28))
    said = {"ada": sure(0.95), "ben": {n: p for n, p in sure(0.4).items() if n < 20}, "cid": noisy(1)}
    found = board(desk, Many(OUTCOMES, said, references=[0.5] * N, retrospective=late))
    assert [(row["slug"], row["scored"], row["left_out"]["retrospective"]) for row in found["ranked"]] == [
        ("ada", 20, 20),
        ("cid", 20, 20),
    ]
    assert not {f"q-{n}" for n in late} & {row["question"] for who in found["ranked"] for row in who["rows"]}
    assert reasons(found, "ben") == ["too-few", "retrospective"]
    ranked, unranked = (
        f"criteria written after the fact: {of} claims left out" for of in ("20 of 40", "12 of 20")
    )
    for told in (leaderboard_text(found), leaderboard_csv(found), leaderboard_page(found)):
        words = " ".join(told.split())
        assert ranked in words
        assert unranked in words


def test_a_ranked_mean_can_be_recomputed_from_the_page(desk: Desk) -> None:
    found = board(desk, Many(OUTCOMES, {"ada": sure(0.9), "ben": noisy(1)}))
    assert '<a href="/leaderboard/ada#rows">0.010</a>' in leaderboard_page(found)
    page = leaderboard_page(found, standalone=True)
    assert '<a href="#rows-ada">0.010</a>' in page
    rows = page.partition('<details id="rows-ada">')[2].partition("</details>")[0]
    scores = [float(cell) for cell in re.findall(r'<td class="number">([\d.e-]+)</td></tr>', rows)]
    assert len(scores) == N
    assert sum(scores) / N == pytest.approx(0.01)
    assert "Does matter 3 come to pass?" in rows


def test_an_author_drawn_at_random_may_be_ranked(desk: Desk) -> None:
    found = board(desk, Many(OUTCOMES, {"ada": sure(0.95), "ben": noisy(1)}, methods={"ada": "random"}))
    assert [row["slug"] for row in found["ranked"]] == ["ada", "ben"]


def test_a_handful_of_groups_never_ranks(desk: Desk) -> None:
    few = [f"c-{n % 9}" for n in range(N)]
    found = board(desk, Many(OUTCOMES, {"ada": sure(0.95), "ben": noisy(1)}, clusters=few))
    assert found["ranked"] == []
    assert reasons(found, "ada") == reasons(found, "ben") == ["too-few"]
    assert "9 independent groups of claims that count" in leaderboard_text(found)
    assert "a rank needs 10" in leaderboard_text(found)


def test_what_is_still_open_is_named(desk: Desk) -> None:
    found = board(desk, Many([None] * N, {"ada": sure(0.95)}))
    assert reasons(found, "ada") == ["nothing-strict"]


def test_one_author_alone_has_nobody_to_be_above(desk: Desk) -> None:
    found = board(desk, Many(OUTCOMES, {"ada": sure(0.95)}))
    assert (found["ranked"], reasons(found, "ada")) == ([], ["alone"])


def test_authors_of_different_questions_do_not_compare_without_references(desk: Desk) -> None:
    ada = {n: p for n, p in sure(0.95).items() if n < 20}
    ben = {n: p for n, p in sure(0.4).items() if n >= 15}
    found = board(desk, Many(OUTCOMES, {"ada": ada, "ben": ben}))
    assert found["ranked"] == []
    assert reasons(found, "ada") == reasons(found, "ben") == ["not-comparable"]


@pytest.mark.parametrize(("other", "better"), [(0.2, "ada"), (0.85, None)])
def test_references_registered_in_advance_stand_in_for_shared_questions(
    desk: Desk, other: float, better: str | None
) -> None:
    ada = {n: p for n, p in sure(0.95).items() if n < 20}
    ben = {n: p for n, p in sure(other).items() if n >= 20}
    found = board(desk, Many(OUTCOMES, {"ada": ada, "ben": ben}, references=[0.5] * N))
    (pair,) = found["pairs"]
    assert (pair["on"], pair["clusters"], pair["better"]) == ("references", 0, better)
    assert ("further below the references" in pair["sentence"]) is (better is not None)


def test_both_ways_of_comparing_share_the_error_allowed(desk: Desk) -> None:
    ada = {n: p for n, p in sure(0.95).items() if n < 20}
    ben = {n: p for n, p in sure(0.2).items() if n >= 20}
    found = board(desk, Many(OUTCOMES, {"ada": ada, "ben": ben, "cid": sure(0.94)}, references=[0.5] * N))
    on = {tuple(pair["authors"]): (pair["on"], pair["better"]) for pair in found["pairs"]}
    assert on["ada", "ben"] == ("references", "ada")
    assert on["ben", "cid"] == ("shared questions", "cid")
    assert on["ada", "cid"] == ("shared questions", None)


def test_three_groups_in_common_are_too_few_to_compare(desk: Desk) -> None:
    ada = {n: p for n, p in sure(0.95).items() if n < 20}
    ben = {n: p for n, p in sure(0.4).items() if n >= 17}
    found = board(desk, Many(OUTCOMES, {"ada": ada, "ben": ben, "cid": noisy(1)}))
    (pair,) = [pair for pair in found["pairs"] if pair["authors"] == ["ada", "ben"]]
    assert (pair["on"], pair["better"]) == (None, None)
    assert pair["sentence"].endswith("3 shared groups of questions, and a comparison needs 6.")


def words(desk: Desk, other: float) -> Board:
    """Ada says "likely" of what happens; Ben says 70 %. One lexicon takes the word as 90 %, another as `other`."""

    def of(median: float) -> list[dict[str, Any]]:
        return [{"phrase": "Likely", "low": 0.5, "median": median, "high": 0.95}]

    desk.register(
        document(
            **{
                kind: [] for kind in ("collections", "articles", "authors", "statements", "questions", "forecasts")
            },
            lexicons=[lexicon("capphrase", phrases=of(0.9)), lexicon("kent", phrases=of(other))],
        )
    )
    said: dict[str, dict[int, float | str]] = {
        "ada": dict.fromkeys(range(N), "Likely"),
        "ben": dict.fromkeys(range(N), 0.7),
    }
    return board(desk, Many([True] * N, said))


def test_an_order_that_flips_under_another_lexicon_is_not_claimed(desk: Desk) -> None:
    found = words(desk, 0.6)
    (pair,) = found["pairs"]
    assert (pair["better"], pair["lexicons"], pair["flips_under"]) == (None, ["capphrase", "kent"], ["kent"])
    assert "Ada leads on the words as registered, but not under kent." in pair["sentence"]
    assert [(row["best_rank"], row["worst_rank"]) for row in found["ranked"]] == [(1, 2)] * 2


def test_an_order_that_holds_under_every_lexicon_is_claimed(desk: Desk) -> None:
    (pair,) = words(desk, 0.8)["pairs"]
    assert (pair["better"], pair["flips_under"]) == ("ada", [])
    assert pair["sentence"].endswith("and also under capphrase and kent.")


def test_nobody_of_the_founding_articles_is_ranked(desk: Desk) -> None:
    for value in seeds.documents().values():
        desk.register(value, actor="seed", kind="seed")
    ledger = desk.ledger()
    found = leaderboard(ledger, at("2030-01-01"))
    assert found["ranked"] == found["pairs"] == []
    assert {row["slug"] for row in found["cannot_be_ranked"]} == {
        author.slug for author in ledger.authors.values() if ledger.said_by(author)
    }
    assert all("hand-picked" in reasons(found, row["slug"]) for row in found["cannot_be_ranked"])
    assert found["sentence"].startswith("Nobody can be ranked")


def test_it_is_a_page_and_a_sheet(desk: Desk) -> None:
    many = Many(OUTCOMES, {"ada": sure(0.95), "ben": noisy(1), "=cid": sure(0.9)}, kinds={"=cid": "placeholder"})
    found = board(desk, many)
    page = leaderboard_page(found, standalone=True)
    assert "Ada is ranked above Ben" in page
    assert "unknown authors are not compared" in page
    assert 'href="/' not in page
    assert 'href="/authors/ada"' in leaderboard_page(found)
    header, *rows = leaderboard_csv(found).splitlines()
    assert header.startswith("slug,name,kind,best_rank,worst_rank,")
    assert rows[0].startswith("ada,Ada,person,1,1,ben,40,40,0.0025")
    assert rows[2].startswith("'=cid,'=Cid,placeholder,,,")
    empty = found | {"ranked": [], "cannot_be_ranked": [], "pairs": []}
    assert leaderboard_csv(empty).startswith("slug,name")
    assert "Nobody." in leaderboard_page(empty)


def test_many_pairs_are_counted_in_the_terminal(desk: Desk) -> None:
    found = board(desk, Many(OUTCOMES, {f"author-{k}": noisy(k) for k in range(6)}))
    assert "15 of 15 pairs cannot be ordered" in leaderboard_text(found)
