"""Authors side by side: only on what they share, with a difference only where the gates allow one."""

import re
from typing import Any

import numpy as np
import pytest

from forecasts.errors import InvalidInputError, NotFoundError
from forecasts.leaderboard import leaderboard
from forecasts.web.compare import Picked, compare_view
from tests.forecasts.web.conftest import Get
from tests.forecasts.web.test_pages import told as text_of
from tests.support import documents as make
from tests.support.desk import Desk
from tests.support.many import LATER, Many

OUTCOMES = [n % 2 > 0 for n in range(40)]


def sure(right: float, of: int = 40) -> dict[int, float | str]:
    """Return what somebody says who gives `right` to what happens, on the first questions."""
    return {n: right if happened else 1 - right for n, happened in enumerate(OUTCOMES[:of])}


def compared(desk: Desk, *slugs: str, page: int = 1) -> Any:
    ledger = desk.ledger()
    return compare_view(ledger, leaderboard(ledger, LATER), Picked(*slugs), LATER, page=page)


def test_a_clear_difference_is_shown_with_its_interval_and_the_rank_is_the_leaderboard_s(desk: Desk) -> None:
    Many(OUTCOMES, {"ada": sure(0.95), "ben": sure(0.4)}).write(desk.store)
    (pair,) = compared(desk, "ada", "ben")["pairs"]
    assert pair["sentence"].startswith("Ada is ranked above Ben")
    assert pair["policies"]["strict"]["briers"] == pytest.approx([0.05**2, 0.6**2])
    assert (pair["policies"]["strict"]["questions"], pair["policies"]["strict"]["clusters"]) == (40, 40)
    value, (low, high) = pair["difference"]["value"], pair["difference"]["interval"]
    assert value == pytest.approx(0.05**2 - 0.6**2)
    assert low <= value <= high < 0
    assert "below zero Ada is better" in pair["difference"]["sentence"]
    (turned,) = compared(desk, "ben", "ada")["pairs"]
    assert turned["difference"]["value"] == pytest.approx(-value)
    assert turned["sentence"] == pair["sentence"]


def test_a_difference_that_may_be_chance_ranks_nobody(desk: Desk) -> None:
    rng = np.random.default_rng(7)
    said = {
        slug: {n: float(np.clip((0.65 if y else 0.35) + rng.normal(0, 0.15), 0.02, 0.98).round(2))
               for n, y in enumerate(OUTCOMES)}
        for slug in ("ada", "ben")
    }  # fmt: skip
    Many(OUTCOMES, said).write(desk.store)
    (pair,) = compared(desk, "ada", "ben")["pairs"]
    assert "Cannot rank Ada above Ben, or Ben above Ada" in pair["sentence"]
    assert "Zero lies inside: chance alone may have made it." in pair["difference"]["sentence"]


@pytest.mark.parametrize(("shared", "shown"), [(9, False), (10, True)])
def test_the_difference_opens_at_the_gate_of_intervals(desk: Desk, shared: int, shown: bool) -> None:
    Many(OUTCOMES, {"ada": sure(0.9), "ben": sure(0.3, of=shared)}).write(desk.store)
    (pair,) = compared(desk, "ada", "ben")["pairs"]
    assert (pair["difference"]["value"] is not None, pair["difference"]["interval"] is not None) == (shown, shown)
    if not shown:
        assert "needs 10 shared groups" in pair["difference"]["sentence"]
        assert pair["policies"]["strict"]["briers"][0] == pytest.approx(0.01)  # the means may stand


def test_claims_picked_by_hand_make_no_difference(desk: Desk) -> None:
    Many(OUTCOMES, {"ada": sure(0.95), "ben": sure(0.4)}, methods={"ben": "hand-picked"}).write(desk.store)
    found = compared(desk, "ada", "ben")
    (pair,) = found["pairs"]
    assert pair["difference"]["value"] is None
    assert pair["sentence"] == (
        "Cannot rank Ada above Ben, or Ben above Ada: Ada and Ben cannot be ranked, for the reasons below."
    )
    assert any("picked by hand" in reason for reason in found["authors"][1]["reasons"])


def test_the_same_said_throughout_is_no_difference(desk: Desk) -> None:
    Many(OUTCOMES, {"ada": sure(0.8), "ben": sure(0.8)}).write(desk.store)
    (pair,) = compared(desk, "ada", "ben")["pairs"]
    assert pair["difference"]["sentence"] == "Both said the same throughout."


def test_three_authors_share_the_error_allowed(desk: Desk) -> None:
    Many(OUTCOMES, {"ada": sure(0.9), "ben": sure(0.6), "cid": sure(0.5)}).write(desk.store)
    found = compared(desk, "ada", "ben", "cid")
    assert [pair["difference"]["coverage"] for pair in found["pairs"]] == pytest.approx([1 - 0.05 / 3] * 3)
    assert "98 % interval" in found["pairs"][0]["difference"]["sentence"]


def test_every_shared_question_stands_with_what_each_said(desk: Desk) -> None:
    Many([True, False, None], {"ada": {0: 0.9, 1: 0.2}, "ben": {1: 0.3, 2: 0.6}, "cid": {2: 0.4}}).write(
        desk.store
    )
    found = compared(desk, "ada", "ben", "cid")
    rows = [
        (row["outcome"], [said and said["probability"] for said in row["said"]])
        for row in found["questions"]["rows"]
    ]
    assert sorted(rows, key=str) == [("no", [0.2, 0.3, None]), ("open", [None, 0.6, 0.4])]
    assert found["pairs"][1]["policies"]["broad"] == {"questions": 0, "clusters": 0, "briers": [None, None]}


def test_fifty_questions_stand_on_a_page(desk: Desk) -> None:
    many = [True] * 60
    Many(many, {slug: dict.fromkeys(range(60), 0.5) for slug in ("ada", "ben")}).write(desk.store)
    assert [len(compared(desk, "ada", "ben", page=page)["questions"]["rows"]) for page in (1, 2)] == [50, 10]


def test_nobody_is_compared_with_nobody_or_with_themselves(desk: Desk) -> None:
    Many(OUTCOMES, {"ada": sure(0.9), "ben": sure(0.6)}).write(desk.store)
    with pytest.raises(NotFoundError, match="'zoe'"):
        compared(desk, "ada", "zoe")
    with pytest.raises(InvalidInputError, match="named twice"):
        compared(desk, "ada", "Ada")
    offered = compared(desk)["offered"]
    assert [(row["questions"], [author["slug"] for author in row["authors"]]) for row in offered] == [
        (40, ["ada", "ben"])
    ]


def test_the_page_says_what_is_wrong_and_hides_drafts(get: Get, public: Get, desk: Desk) -> None:
    rows = [make.statement(), make.statement("s-2", start=80, end=116, stated_by="ben-cole")]
    desk.register(make.document(statements=rows, forecasts=[make.forecast(), make.worded("s-2")]))
    assert "1 question" in text_of(get("/compare").text)
    page = get("/compare?a=ada-bell&b=Ben+Cole")
    text = text_of(page.text)
    assert page.status_code == 200
    assert "Cannot rank Ada Bell above Ben Cole" in text
    assert "70 % stated 70 % worded" in text
    assert get("/compare?a=ada-bell").status_code == 200
    assert get("/compare?a=ada-bell&b=ada-bell").status_code == 400
    assert get("/compare?a=%C3&b=%00").status_code == 404
    assert get("/compare?a=ada-bell&b=ben-cole&page=2").status_code == 404
    assert public("/compare?a=ada-bell&b=ben-cole").status_code == 404
    assert "Ada" not in public("/compare").text
    assert not re.search(r"<script|onclick", page.text)
