"""An article that is not in the seeds, from its registration file to a Brier score."""

import json
from pathlib import Path

import pytest

from forecasts import registry
from forecasts.exchange.export import to_json
from forecasts.exchange.files import read_document
from forecasts.registry import NewNumber
from jobs.sources import catalogue
from tests.support.clocks import at
from tests.support.desk import WINDOW, Desk
from tests.support.documents import SHA256, TEXT

DOCUMENT = """
schema = 1

[[collections]]
key = "local-papers"
name = "Local papers"
method = "hand-picked"
description = "One paper, for its forecasts of the bridge."

[[lexicons]]
key = "readers"
version = "1"
title = "How readers take words"
source = "A survey"
licence = "CC BY 4.0"
phrases = [{ phrase = "likely", low = 0.55, median = 0.7, high = 0.9 }]

[[articles]]
key = "tarn"
label = "A local paper on the bridge"
collection = "local-papers"
published_earliest = 2020-01-01T00:00:00Z
published_latest = 2020-01-01T12:00:00Z
date_basis = "the date line"
editions = [{ file = "tarn.txt" }]

[[authors]]
slug = "tarn-gazette"
name = "Tarn Gazette"
kind = "organisation"

[[authors]]
slug = "ben-cole"
name = "Ben Cole"
kind = "person"

[[statements]]
key = "opening"
article = "tarn"
start = 0
end = 54
stated_by = "tarn-gazette"
kind = "unconditional"
hedge_phrase = "likely"
checkability = "yes"
checkability_reason = "An opening is public."
claim = "The crossing is in use by mid-year."

[[statements]]
key = "closing"
article = "tarn"
start = 78
end = 114
stated_by = "ben-cole"
reported_via = "tarn-gazette"
stated_earliest = 2019-12-20T00:00:00Z
stated_basis = "the day of the interview"
kind = "unconditional"
checkability = "yes"
checkability_reason = "A closure is public."
claim = "The boat service ends."

[[statements]]
key = "fares"
article = "tarn"
start = 115
end = 167
stated_by = "ben-cole"
reported_via = "tarn-gazette"
stated_earliest = 2019-12-20T00:00:00Z
stated_basis = "the day of the interview"
kind = "conditional"
hedge_phrase = "no doubt"
checkability = "yes"
checkability_reason = "Fares are posted."
claim = "Once the boat service ends, crossing costs twice as much."

[[questions]]
key = "q-opening"
title = "Does the bridge open before July 2020?"
resolution_criteria = "YES if it opens to traffic."
criterion = { type = "manual", proposition = "The bridge opened to traffic." }
opens_at = 2020-01-01T00:00:00Z
opens_latest = 2020-01-01T12:00:00Z
deadline = 2020-07-01T00:00:00+02:00
zone = "Europe/Paris"
deadline_basis = "the text says before July"
cluster = "bridge"
retrospective = false

[[questions]]
key = "q-closing"
title = "Does the ferry close in 2020?"
resolution_criteria = "YES if the last ferry sails."
criterion = { type = "manual", proposition = "The ferry closed." }
opens_at = 2019-12-20T00:00:00Z
deadline = 2021-01-01T00:00:00+01:00
zone = "Europe/Paris"
deadline_basis = "no date; a year is taken"
cluster = "ferry"
retrospective = false

[[questions]]
key = "q-fares"
title = "Do fares double once the ferry has closed?"
resolution_criteria = "YES if the posted fare is twice that of 2019."
criterion = { type = "manual", proposition = "Fares doubled." }
opens_at = 2019-12-20T00:00:00Z
deadline = 2021-01-01T00:00:00+01:00
zone = "Europe/Paris"
deadline_basis = "that of the closing"
condition = { question = "q-closing" }
cluster = "ferry"
retrospective = false

[[forecasts]]
statement = "opening"
question = "q-opening"
asserts = "yes"
basis = "lexicon"
phrase = "likely"
lexicon = "readers"

[[forecasts]]
statement = "closing"
question = "q-closing"
asserts = "yes"
basis = "coder"
probability = 0.8
low = 0.6
high = 0.95
reason = "Told as his expectation."

[[forecasts]]
statement = "fares"
question = "q-fares"
asserts = "yes"
basis = "stated"
probability = 0.99
"""


def test_an_article_goes_from_its_file_to_a_brier_score(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "tarn.txt").write_bytes(TEXT.encode())
    (tmp_path / "tarn.toml").write_text(DOCUMENT, encoding="utf-8")
    document = read_document(tmp_path / "tarn.toml")

    registered = registry.register(
        desk.store, document, catalogue=catalogue(), actor="Rita Registrar", folder=tmp_path
    )
    assert registered.added == {
        "collections": 1,
        "lexicons": 1,
        "articles": 1,
        "editions": 1,
        "authors": 2,
        "statements": 3,
        "questions": 3,
        "forecasts": 3,
    }
    ids = registered.ids["questions"]
    registry.attach(desk.store, "tarn", tmp_path / "tarn.txt", actor="Rita Registrar")

    # The bridge opens; the ferry does not close, so the fares are nobody's mistake.
    desk.clock.set("2020-06-02T00:00:00Z")
    desk.propose(ids["q-opening"], "yes", occurred="2020-06-01T08:00:00Z")
    desk.clock.set("2021-01-02T00:00:00Z")
    desk.propose(ids["q-closing"], "no")
    desk.clock.forward(WINDOW)
    desk.confirm(ids["q-opening"])
    desk.confirm(ids["q-closing"])

    gazette, ben = desk.report("tarn-gazette"), desk.report("ben-cole")
    broad, strict = gazette["policies"]["broad"], gazette["policies"]["strict"]
    assert broad["brier"] == strict["brier"] == pytest.approx(0.3**2, abs=1e-12)
    assert (broad["brier_best"], broad["brier_worst"]) == (
        pytest.approx(0.1**2, abs=1e-12),
        pytest.approx(0.45**2, abs=1e-12),
    )
    assert gazette["statements"][0]["quotation"] == TEXT[0:54]
    assert ben["policies"]["broad"]["brier"] == pytest.approx(0.8**2, abs=1e-12)
    assert ben["policies"]["strict"]["brier"] is None
    assert ben["funnel"]["annulled"] == 1
    assert "Too few to judge" in ben["verdict"]

    # From the score back to the bytes it rests on.
    (score,) = [
        row for row in desk.export("scores") if row["author"] == "tarn-gazette" and row["policy"] == "strict"
    ]
    step = next(row for row in desk.export("resolutions") if row["resolution"] == score["resolution"])
    forecast = next(row for row in desk.export("forecasts") if row["forecast"] == score["forecast"])
    statement = next(row for row in desk.export("statements") if row["statement"] == forecast["statement"])
    assert (step["outcome"], step["citation"], step["resolver"]) == ("yes", "Tarn Gazette", "Carl Confirmer")
    assert (statement["article_sha256"], statement["probability"], statement["scored"]) == (SHA256, 0.7, True)
    assert step["evidence_sha256"] is not None
    assert len(json.loads(to_json(desk.export("statements")))) == 3

    # A misread word is corrected; the first number stays on record.
    again = registry.correct(
        desk.store,
        forecast["forecast"],
        NewNumber(probability=0.6, basis="stated"),
        reason="Misread.",
        actor="Cora",
    )
    assert desk.report("tarn-gazette")["policies"]["broad"]["brier"] == pytest.approx(0.4**2, abs=1e-12)
    found = next(row for row in desk.export("forecasts") if row["forecast"] == again)
    assert found["supersedes"] == forecast["forecast"]
    assert desk.ledger().revisions[found["rev"]].recorded_at > at("2020-01-01")
