"""The command line as a user meets it: what it prints, what it refuses, and how it exits."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Run

TEXT = "The mayor said: the bridge will probably open in May. Nobody asked about the ferry.\n"
SPAN = (TEXT.index("the bridge"), TEXT.index(" Nobody"))


def document(**changes: Any) -> dict[str, Any]:
    """A document about a bridge: one stated forecast on one manual question, published."""
    made: dict[str, Any] = {
        "schema": 1,
        "collections": [{"key": "c", "name": "C", "method": "hand-picked", "description": "Picked by hand."}],
        "articles": [
            {
                "key": "bridge",
                "label": "A report on the bridge",
                "collection": "c",
                "published_earliest": "2024-01-10T00:00:00Z",
                "published_latest": "2024-01-10T23:00:00Z",
                "date_basis": "printed above the text",
                "editions": [{"file": "bridge.txt"}],
            }
        ],
        "authors": [{"slug": "the-mayor", "name": "The Mayor", "kind": "person"}],
        "statements": [
            {
                "key": "opens",
                "article": "bridge",
                "start": SPAN[0],
                "end": SPAN[1],
                "stated_by": "the-mayor",
                "kind": "unconditional",
                "hedge_phrase": "probably",
                "checkability": "yes",
                "checkability_reason": "A bridge is open or it is not.",
                "claim": "Traffic crosses the bridge by the end of May.",
            }
        ],
        "questions": [
            {
                "key": "by-june",
                "title": "Is the bridge open before June 2024?",
                "resolution_criteria": "Yes if traffic crosses it before 1 June 2024.",
                "criterion": {"type": "manual", "proposition": "Traffic crosses the bridge before 1 June 2024."},
                "opens_at": "2024-01-10T00:00:00Z",
                "opens_latest": "2024-01-11T00:00:00Z",
                "deadline": "2024-06-01T00:00:00Z",
                "zone": "UTC",
                "deadline_basis": "the text names the month",
                "cluster": "bridge",
                "retrospective": True,
            }
        ],
        "forecasts": [
            {
                "statement": "opens",
                "question": "by-june",
                "asserts": "yes",
                "basis": "stated",
                "probability": 0.75,
            }
        ],
        "publications": [
            {"article": "bridge", "author": "*", "state": "published", "no_notice": "Nobody was asked."}
        ],
    }
    return made | changes


def write(folder: Path, value: object, name: str = "bridge.json") -> str:
    (folder / "bridge.txt").write_bytes(TEXT.encode())
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return str(path)


def test_an_article_of_ones_own_goes_from_register_to_its_brier_score(calledit: Run, tmp_path: Path) -> None:
    file = write(tmp_path, document())
    registered = calledit("register", file, "--json").json
    assert registered["changed"]
    question = registered["ids"]["questions"]["by-june"]

    proposing = ("--citation", "City gazette, 20 May 2024", "--reason", "It opened.")
    step = calledit(
        "question", "propose", question, "yes", *proposing, "--occurred-at", "2024-05-20T08:00:00Z", "--json"
    ).json
    assert (step["state"], step["outcome"]) == ("proposed", "yes")
    refused = calledit("question", "confirm", question)
    assert refused.code == 1
    assert "ask somebody else" in refused.err
    assert calledit("question", "confirm", question, "--actor", "bob").code == 0

    report = calledit("report", "the-mayor", "--json").json
    assert report["policies"]["strict"]["brier"] == 0.0625
    assert report["statements"][0]["forecasts"][0]["scores"]["broad"]["brier"] == 0.0625
    [statement] = calledit("export", "statements").json
    assert (statement["outcome"], statement["scored"], statement["probability"]) == ("yes", True, 0.75)
    assert (statement["start"], statement["end"]) == SPAN


def test_a_forecast_registered_after_the_outcome_is_scored_at_once(calledit: Run, tmp_path: Path) -> None:
    calledit("register", write(tmp_path, document()))
    [question] = (row["question"] for row in calledit("export", "questions").json)
    calledit("question", "propose", question, "no", "--citation", "Gazette", "--reason", "Still closed.")
    calledit("question", "confirm", question, "--actor", "bob")
    second = document(
        authors=[{"slug": "an-engineer", "name": "An Engineer", "kind": "person"}],
        statements=[document()["statements"][0] | {"stated_by": "an-engineer"}],
        questions=[],
        forecasts=[document()["forecasts"][0] | {"question": question, "probability": 0.1}],
    )
    assert calledit("register", write(tmp_path, second)).code == 0
    assert calledit("report", "an-engineer", "--json").json["policies"]["strict"]["brier"] == pytest.approx(0.01)


def test_the_dossier_finds_what_was_said_before(
    calledit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLEDIT_PUBLIC_URL", "https://calls.example")
    calledit("register", write(tmp_path, document()))
    calledit("article", "attach", "bridge", str(tmp_path / "bridge.txt"))
    found = calledit("dossier", "crossing", "bridges", "--author", "mayor", "--topic", "open", "--json").json
    (claim,) = found["claims"]["rows"]
    assert claim["quotation"] == TEXT[slice(*SPAN)]
    assert "The Mayor said 75 %." in claim["paragraph"]
    assert f"https://calls.example/statements/{claim['id']}?as_of=" in claim["paragraph"]
    told = " ".join(calledit("dossier", '"will probably open"').out.split())
    assert "1 claim matches, the newest first." in told
    assert claim["paragraph"].rsplit("As of", 1)[0] in told
    assert "Notice sent? no: Nobody was asked." in told
    assert "Nothing here matches all of that." in calledit("dossier", "ferry").out
    assert "Nothing is registered here yet." in calledit("dossier", "--as-of", "2001-01-01T00:00:00Z").out
    for args in (("--author", "nobody"), ("--page", "2"), ("?!",), ("a" * 301,)):
        refused = calledit("dossier", *args)
        assert (refused.code, refused.out, refused.err.count("\n")) == (1, "", 1), args
    calledit("author", "unpublish", "the-mayor", "--reason", "A doubt.")
    hidden = calledit("dossier", "bridge")
    assert "Nothing here matches" in hidden.out
    assert "1 statement is a draft and was left out" in hidden.err
    assert "DRAFT, NOT FOR PUBLICATION." in calledit("dossier", "bridge", "--include-drafts").out


def test_registering_twice_changes_nothing_and_says_so(calledit: Run, tmp_path: Path) -> None:
    file = write(tmp_path, document())
    assert "added" in calledit("register", file).out
    before = calledit("export", "statements").out
    again = calledit("register", file)
    assert again.code == 0
    assert "Nothing changed" in again.out
    assert calledit("export", "statements").out == before
    assert calledit("register", file, "--json").json["changed"] is False


def test_a_dry_run_keeps_nothing(calledit: Run, tmp_path: Path) -> None:
    dry = calledit("register", write(tmp_path, document()), "--dry-run", "--json").json
    assert dry["added"]["statements"] == 1
    assert not dry["changed"]
    assert calledit("export", "statements").json == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("forecasts", "probability"), 1.2, "from 0 to 1"),
        (("forecasts", "probability"), True, "from 0 to 1"),
        (("forecasts", "probability"), "0.5", "from 0 to 1"),
        (("forecasts", "probability"), float("nan"), "from 0 to 1"),
        (("questions", "deadline"), "2024-06-01T00:00:00", "no time zone"),
        (("questions", "deadline"), "2023-06-01T00:00:00Z", "after opens_at"),
        (("statements", "stated_by"), "nobody", "no author 'nobody'"),
        (("statements", "end"), 100_000, "does not lie inside the text"),
        (("questions", "condition"), {"question": "by-june"}, "circular"),
        (
            ("questions", "criterion"),
            {
                "type": "event_before_deadline",
                "source": "crystal-ball",
                "query": {},
                "filter": {"kind": ["opening"]},
                "event_tz": "UTC",
                "grace": "P1D",
                "min_checks": 1,
                "max_lag": "P1D",
            },
            "no source 'crystal-ball'",
        ),
    ],
)
def test_a_bad_registration_is_one_sentence_and_changes_nothing(
    calledit: Run, tmp_path: Path, path: tuple[str, str], value: object, said: str
) -> None:
    bad = document()
    bad[path[0]][0][path[1]] = value
    result = calledit("register", write(tmp_path, bad))
    assert result.code == 1
    assert said in result.err
    assert result.err.startswith("Error: ")
    assert result.err.count("\n") == 1
    assert calledit("export", "authors").json == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.toml", ""),
        ("empty.json", "{}"),
        ("list.json", "[1, 2]"),
        ("broken.json", "{"),
        ("broken.toml", "a = ["),
        ("deep.json", "[" * 100_000),
        ("other.json", '{"unknown": []}'),
        ("twice.json", '{"authors": [{"slug": "a", "name": "A", "kind": "person"}], "authors": []}'),
        ("surrogate.json", '{"authors": [{"slug": "a", "name": "\\ud800", "kind": "person"}]}'),
    ],
)
def test_a_file_that_is_no_registration_is_refused(calledit: Run, tmp_path: Path, name: str, content: str) -> None:
    result = calledit("register", write(tmp_path, content, name))
    assert result.code == 1
    assert result.err.startswith("Error: ")


def test_a_missing_file_and_a_folder_are_refused(calledit: Run, tmp_path: Path) -> None:
    for path in (tmp_path / "absent.toml", tmp_path):
        result = calledit("register", str(path))
        assert result.code == 1
        assert "cannot be read" in result.err


def test_without_a_registry_a_reading_command_says_how_to_begin(calledit: Run, tmp_path: Path) -> None:
    result = calledit("--database", f"sqlite:///{tmp_path}/absent.db", "report", "anyone")
    assert result.code == 1
    assert "Register something first" in result.err
    assert not (tmp_path / "absent.db").exists()


def test_a_refused_registration_leaves_no_file_behind(calledit: Run, tmp_path: Path) -> None:
    bad = document(authors=[])
    refused = calledit("--database", f"sqlite:///{tmp_path}/new.db", "register", write(tmp_path, bad))
    assert refused.code == 1
    assert list(tmp_path.glob("new.db*")) == []


def test_a_setting_that_cannot_be_is_named(calledit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLEDIT_DISPUTE_WINDOW", "a week")
    result = calledit("export", "authors")
    assert result.code == 1
    assert "CALLEDIT_DISPUTE_WINDOW" in result.err
    assert "mysql" not in calledit("--database", "mysql://x", "export", "authors").out


def test_a_forecast_is_revised_corrected_and_withdrawn_without_being_overwritten(
    calledit: Run, tmp_path: Path
) -> None:
    calledit("register", write(tmp_path, document()))
    [first] = calledit("export", "forecasts").json
    changed = calledit("forecast", "correct", first["forecast"], "--probability", "0.8", "--reason", "misread")
    assert changed.code == 0
    corrected = changed.out.partition(":")[0]
    late = ("--stated-at", "2024-03-01T00:00:00Z")
    revised = calledit("forecast", "revise", corrected, "--probability", "0.9", *late).out.partition(":")[0]
    withdrawn = calledit(
        "forecast", "withdraw", revised, "--stated-at", "2024-04-01T00:00:00Z", "--reason", "no longer sure"
    )
    assert withdrawn.code == 0
    changes = {row["change"]: row["probability"] for row in calledit("export", "forecasts").json}
    assert changes == {"original": 0.75, "correction": 0.8, "revision": 0.9, "withdrawal": None}
    [statement] = calledit("export", "statements").json
    assert statement["probability"] == 0.8


@pytest.mark.parametrize(
    "args",
    [
        ("correct", "ID", "--probability", "1.2", "--reason", "x"),
        ("correct", "ID", "--probability", "abc", "--reason", "x"),
        ("correct", "ID", "--reason", "x"),
        ("correct", "ID", "--phrase", "some day", "--reason", "x"),
        ("correct", "f-nothing", "--probability", "0.5", "--reason", "x"),
        ("revise", "ID", "--probability", "0.5", "--stated-at", "2024-03-01"),
        ("revise", "ID", "--probability", "0.5", "--stated-at", "2020-03-01T00:00:00Z"),
        ("revise", "ID", "--probability", "0.5", "--asserts", "maybe", "--stated-at", "2024-03-01T00:00:00Z"),
        ("withdraw", "ID", "--stated-at", "2020-03-01T00:00:00Z", "--reason", "x"),
    ],
)
def test_a_change_that_cannot_be_is_refused(calledit: Run, tmp_path: Path, args: tuple[str, ...]) -> None:
    calledit("register", write(tmp_path, document()))
    [first] = calledit("export", "forecasts").json
    result = calledit("forecast", *(first["forecast"] if arg == "ID" else arg for arg in args))
    assert result.code == 1
    assert result.err.startswith("Error: ")
    assert len(calledit("export", "forecasts").json) == 1


def test_an_outcome_is_disputed_ruled_again_annulled_and_reopened(
    calledit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calledit("register", write(tmp_path, document()))
    [question] = (row["question"] for row in calledit("export", "questions").json)
    proof = tmp_path / "gazette.txt"
    proof.write_bytes(b"It opened.")
    happened = ("--occurred-at", "2024-05-20T00:00:00Z", "--occurred-until", "2024-05-21T00:00:00Z")
    given = ("--citation", "Gazette", "--reason", "It opened.", *happened, "--evidence", str(proof))
    monkeypatch.setenv("CALLEDIT_DISPUTE_WINDOW", "P7D")
    assert calledit("question", "propose", question, "yes", *given).code == 0
    early = calledit("question", "confirm", question, "--actor", "bob")
    assert early.code == 1
    assert "dispute window is open until" in early.err
    assert calledit("question", "dispute", question, "--reason", "only for a parade", "--actor", "bob").code == 0
    monkeypatch.setenv("CALLEDIT_DISPUTE_WINDOW", "PT0S")
    assert calledit("question", "propose", question, "no", *given).code == 1  # the first proposer may not
    assert calledit("question", "propose", question, "no", *given, "--actor", "cem").code == 0
    assert calledit("question", "confirm", question, "--actor", "dee").code == 0
    assert calledit("question", "annul", question, "--reason", "badly worded").code == 0
    assert calledit("question", "reopen", question, "--reason", "it was worded well").code == 0
    steps = [(row["state"], row["outcome"]) for row in calledit("export", "resolutions").json]
    assert steps == [
        ("proposed", "yes"),
        ("disputed", "yes"),
        ("proposed", "no"),
        ("confirmed", "no"),
        ("reopened", None),
        ("confirmed", "annulled"),
        ("reopened", None),
    ]
    assert calledit("question", "propose", question, "perhaps", *given).code == 1
    assert calledit("question", "propose", question, "yes", *given[:-1], str(tmp_path / "absent")).code == 1


def test_the_chain_from_a_forecast_to_the_archived_bytes_can_be_followed(calledit: Run, tmp_path: Path) -> None:
    calledit("register", write(tmp_path, document()))
    [first] = calledit("export", "forecasts").json
    given = ("--citation", "Gazette", "--reason", "It opened.", "--occurred-at", "2024-05-20T08:00:00Z")
    calledit("question", "propose", first["question"], "yes", *given)
    calledit("question", "confirm", first["question"], "--actor", "bob")
    forecast = calledit("show", first["forecast"]).json
    assert forecast["scores"][0]["brier"] == 0.0625
    statement = calledit("show", forecast["forecast"]["statement"]).json
    assert statement["statement"]["claim"]
    question = calledit("show", forecast["forecast"]["question"]).json
    step = calledit("show", question["resolutions"][-1]["resolution"]).json
    assert step["resolution"]["citation"] == "Gazette"
    unknown = calledit("show", "x-1")
    assert unknown.code == 1
    assert "no record" in unknown.err
    assert calledit("show", "f" * 64).code == 1


def test_your_own_copy_is_quoted_and_another_text_is_an_edition_only_on_request(
    calledit: Run, tmp_path: Path
) -> None:
    calledit("register", write(tmp_path, document()))
    [statement] = calledit("export", "statements").json
    assert calledit("show", statement["statement"]).json["quotation"] is None
    assert calledit("article", "attach", "bridge", str(tmp_path / "bridge.txt")).code == 0
    assert calledit("show", statement["statement"]).json["quotation"] == TEXT[slice(*SPAN)]
    other = tmp_path / "other.txt"
    other.write_text(TEXT + "Corrected.\n", encoding="utf-8")
    refused = calledit("article", "attach", "bridge", str(other))
    assert refused.code == 1
    assert "--new-edition" in refused.err
    assert calledit("article", "attach", "bridge", str(other), "--new-edition").code == 0
    assert len(calledit("export", "articles").json) == 2
    assert calledit("article", "attach", "tunnel", str(other)).code == 1


def test_exports_and_reports_refuse_what_they_cannot_do(calledit: Run, tmp_path: Path) -> None:
    calledit("register", write(tmp_path, document()))
    for args in (
        ("export", "opinions"),
        ("export", "authors", "--format", "xml"),
        ("export", "authors", "--output", str(tmp_path)),
        ("export", "authors", "--as-of", "yesterday"),
        ("report", "nobody"),
        ("report", "the-mayor", "--picture", "picture.bmp"),
        ("check",),
    ):
        result = calledit(*args)
        assert result.code == 1, args
        assert result.err.startswith("Error: "), args


def test_a_report_is_text_a_page_or_a_picture(calledit: Run, tmp_path: Path) -> None:
    calledit("register", write(tmp_path, document()))
    assert "Nothing The Mayor said here is past its deadline" in calledit("report", "the-mayor").out
    page, svg, png = tmp_path / "page.html", tmp_path / "strip.svg", tmp_path / "strip.png"
    assert calledit("report", "the-mayor", "--html", str(page)).code == 0
    assert calledit("report", "the-mayor", "--picture", str(svg)).code == 0
    assert calledit("report", "the-mayor", "--picture", str(png)).code == 0
    assert "The Mayor" in page.read_text(encoding="utf-8")
    assert svg.read_text(encoding="utf-8").startswith("<svg")
    assert png.read_bytes().startswith(b"\x89PNG")


def test_a_report_is_a_sheet_of_claims_too(calledit: Run, tmp_path: Path) -> None:
    calledit("register", write(tmp_path, document()))
    out = tmp_path / "claims.csv"
    assert calledit("report", "the-mayor", "--csv", str(out)).out == ""
    header, row = out.read_text(encoding="utf-8").splitlines()
    assert header.startswith("statement,article,start,end,part,stated_by,")
    assert "The Mayor" in row


def test_the_leaderboard_says_who_cannot_be_ranked(calledit: Run, tmp_path: Path) -> None:
    calledit("register", write(tmp_path, document()))
    assert "The Mayor (person; published, no notice sent): the articles were" in calledit("leaderboard").out
    found = calledit("leaderboard", "--policy", "strict", "--json").json
    assert (found["ranked"], found["policy"], found["alpha"]) == ([], "strict", 0.05)
    page, sheet = tmp_path / "board.html", tmp_path / "board.csv"
    assert calledit("leaderboard", "--html", str(page), "--csv", str(sheet)).out == ""
    assert "Cannot be ranked" in page.read_text(encoding="utf-8")
    assert "the-mayor,The Mayor,person,,," in sheet.read_text(encoding="utf-8")
    assert calledit("leaderboard", "--as-of", "2000-01-01T00:00:00Z", "--json").json["cannot_be_ranked"] == []
    refused = calledit("leaderboard", "--policy", "broad")
    assert refused.code == 1
    assert "Only the strict policy ranks" in refused.err


def test_exports_as_csv_go_to_a_file(calledit: Run, tmp_path: Path) -> None:
    calledit("register", write(tmp_path, document()))
    out = tmp_path / "out" / "statements.csv"
    assert calledit("export", "statements", "--format", "csv", "--output", str(out)).code == 0
    header, row, *_ = out.read_text(encoding="utf-8").splitlines()
    assert header.startswith("statement,article,article_sha256")
    assert row.startswith("s-")


def test_a_round_of_checks_runs_by_hand(calledit: Run, tmp_path: Path) -> None:
    calledit("register", write(tmp_path, document()))
    assert calledit("check", "--due", "--json").json == {"checks": 0, "steps": 0}
    assert "0 checks written" in calledit("check", "--due").out


LEXICON: dict[str, Any] = {
    "key": "capphrase",
    "version": "desk",
    "title": "How our readers take words",
    "source": "A survey of ours",
    "licence": "CC0",
    "phrases": [{"phrase": "Likely", "low": 0.5, "median": 0.65, "high": 0.8}],
}
SURE = {"phrase": "Almost Certain", "low": 0.85, "median": 0.95, "high": 0.99}


def worded(phrase: str = "likely", **changes: Any) -> dict[str, Any]:
    """A document whose only forecast is a phrase of CAPphrase."""
    forecast = {"statement": "opens", "question": "by-june", "asserts": "yes", "basis": "lexicon"}
    return document(forecasts=[forecast | {"phrase": phrase, "lexicon": "capphrase"}], **changes)


def test_a_phrase_is_looked_up_without_a_registry(
    calledit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLEDIT_DATABASE_URL", "sqlite:///none.db")
    found = {
        entry["lexicon"]: entry
        for entry in calledit("lexicon", "show", " Highly  LIKELY", "--json").json["lexicons"]
    }
    assert {key: found[key]["median"] for key in found} == {
        "capphrase": 0.9,
        "efsa": None,
        "icd203": 0.875,
        "ipcc": None,
        "kent": 0.93,
        "nato": 0.95,
        "phia": 0.85,
    }
    assert (found["kent"]["phrase"], found["kent"]["matched"]) == ("almost certain", "highly likely")
    assert not any(entry["registered"] or entry["bare_modal"] for entry in found.values())
    shown = calledit("lexicon", "show", "Highly likely").out
    assert "icd203 2015       80 %  87.5 %    95 %  very likely, alias 'highly likely'\n" in shown
    assert "Not defined in efsa 2018, ipcc 2021." in shown
    assert "Open Government Licence v3.0" in shown
    assert "a bare modal" in calledit("lexicon", "show", "may").out
    listed = calledit("lexicon", "list", "--json").json
    assert [entry["lexicon"] for entry in listed] == list(found)
    assert "phia 2025: 7 phrases (comes with calledit)" in calledit("lexicon", "list").out
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_phrase_is_refused_with_those_written_like_it(calledit: Run) -> None:
    mistyped, strange = calledit("lexicon", "show", "vary likely"), calledit("lexicon", "show", "xyz", "--json")
    assert (mistyped.code, mistyped.out) == (1, "")
    assert mistyped.err.startswith("Error: No lexicon defines 'vary likely'. Written like it: 'very likely'")
    assert (strange.code, strange.out) == (1, "")
    assert "`calledit lexicon list`" in strange.err


def test_the_lexicons_of_the_registry_are_shown_beside_those_of_calledit(calledit: Run, tmp_path: Path) -> None:
    calledit("register", write(tmp_path, document(lexicons=[LEXICON])))
    entries = [entry for entry in calledit("lexicon", "list", "--json").json if entry["lexicon"] == "capphrase"]
    assert [(entry["version"], entry["phrases"], entry["newest"]) for entry in entries] == [
        ("2026", 19, False),
        ("desk", 1, True),
    ]
    assert all(entry["registered"] for entry in entries)
    assert (
        "capphrase 2026: 19 phrases (registered, replaced by a newer version)" in calledit("lexicon", "list").out
    )
    found = calledit("lexicon", "show", "likely", "--json").json["lexicons"][0]
    assert (found["version"], found["median"], found["source"]) == ("desk", 0.65, "A survey of ours")
    assert calledit("lexicon", "show", "Will Happen").code == 1  # the newest version does not define it


def test_a_new_version_is_adopted_on_request(calledit: Run, tmp_path: Path) -> None:
    calledit("register", write(tmp_path, worded()))
    assert calledit("lexicon", "adopt", "capphrase", "--reason", "Newer.").out == (
        "Nothing to do: no forecast stands under an older version with a phrase of capphrase 2026.\n"
    )
    calledit("register", write(tmp_path, {"schema": 1, "lexicons": [LEXICON]}, "lexicon.json"))
    [before] = calledit("export", "forecasts").json
    assert (before["lexicon_version"], before["probability"]) == ("2026", 0.75)
    done = calledit("lexicon", "adopt", "capphrase", "--reason", "Newer.", "--json").json
    assert done["corrected"][0]["supersedes"] == before["forecast"]
    assert (done["version"], done["other_number"], done["left"]) == ("desk", 1, {})
    rows = {row["forecast"]: row for row in calledit("export", "forecasts").json}
    after = rows[done["corrected"][0]["forecast"]]
    assert (after["lexicon_version"], after["probability"], after["reason"]) == ("desk", 0.65, "Newer.")
    assert calledit("lexicon", "adopt", "capphrase", "--reason", "Newer.").out.startswith("Nothing to do")
    assert calledit("lexicon", "adopt", "moods", "--reason", "Newer.").code == 1


def test_what_a_new_version_does_not_define_is_named(calledit: Run, tmp_path: Path) -> None:
    calledit("register", write(tmp_path, worded("Almost Certain")))
    calledit("register", write(tmp_path, {"schema": 1, "lexicons": [LEXICON]}, "lexicon.json"))
    says = calledit("lexicon", "adopt", "capphrase", "--reason", "Newer.").out
    assert "Left as they are, because capphrase desk does not define them: 'Almost Certain' (1)." in says
    fuller = LEXICON | {"version": "desk-2", "phrases": [*LEXICON["phrases"], SURE]}
    calledit("register", write(tmp_path, {"schema": 1, "lexicons": [fuller]}, "lexicon.json"))
    says = calledit("lexicon", "adopt", "capphrase", "--reason", "Newer.").out
    assert says == "1 forecast corrected to capphrase desk-2, 0 of them to another number.\n"


def test_a_lexicon_registered_before_it_came_with_calledit_stays(
    calledit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = LEXICON | {"key": "kent", "version": "1964"}
    assert calledit("register", write(tmp_path, document(lexicons=[own]))).code == 0
    assert "Nothing changed" in calledit("register", write(tmp_path, document(lexicons=[own]))).out
    assert "Nothing changed" in calledit("register", write(tmp_path, document())).out
    found = {entry["lexicon"]: entry for entry in calledit("lexicon", "show", "likely", "--json").json["lexicons"]}
    assert found["kent"]["median"] == 0.65
    assert len(calledit("lexicon", "list", "--json").json) == 7
    wrong = own | {"version": "2", "phrases": [{"phrase": "Likely", "low": 0.9, "median": 0.65, "high": 0.8}]}
    assert "lexicons[0]: the range of 'Likely'" in calledit("register", write(tmp_path, {"lexicons": [wrong]})).err
