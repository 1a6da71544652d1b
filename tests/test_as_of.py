"""What was said at an instant is said again byte for byte, whatever was changed since.

A report is taken after each change and asked for again at the end. Redaction is the declared exception, and is
tested where it is told.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forecasts.store import Store
from jobs.clocks import SystemClock
from tests.forecasts.web.conftest import ask
from tests.support import documents as d
from tests.support.commands import Run

Said = dict[str, bytes]
Files = Callable[[str, Any], str]
OTHER = "0" * 64
LEXICONS = ("capphrase", "icd203")
BEGIN, END, LATER = "2020-06-30T18:00:00Z", "2020-07-03T00:00:00Z", "2020-07-09T00:00:00Z"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    def write(name: str, value: Any) -> str:
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return str(path)

    return write


def said(run: Run, *more: str, folder: Path | None = None) -> Said:
    """Return a report as text and JSON; with a folder, in every other form too, with the log and an export."""
    found = run("report", "ada-bell", "--json", *more)
    assert found.code == 0, found.err
    now = ("--as-of", json.loads(found.out)["now"])
    told = {"json": found.out.encode(), "text": run("report", "ada-bell", *now).out.encode()}
    if folder is not None:
        page, svg, png = (folder / name for name in ("said.html", "said.svg", "said.png"))
        drawn = run("report", "ada-bell", "--include-drafts", "--html", str(page), "--picture", str(svg), *now)
        assert drawn.code == 0, drawn.err
        run("report", "ada-bell", "--include-drafts", "--picture", str(png), *now)
        told |= {"html": page.read_bytes(), "svg": svg.read_bytes(), "png": png.read_bytes()}
        claims = folder / "said.csv"
        run("report", "ada-bell", "--include-drafts", "--csv", str(claims), *now)
        told["csv"] = claims.read_bytes()
        told["leaderboard"] = run("leaderboard", "--json", "--include-drafts", *now).out.encode()
        told["corrections"] = run("corrections", "--json", "--include-drafts", *now).out.encode()
        told["export"] = run("export", "statements", "--include-drafts", *now).out.encode()
    return told


def told_again(run: Run, told: dict[str, Said], folder: Path) -> None:
    """Ask again for each report at the instant it gave, and hold it against what was said then."""
    for name, then in told.items():
        now = json.loads(then["json"])["now"]
        again = said(run, "--as-of", now, folder=folder if "html" in then else None)
        for form, content in then.items():
            assert again[form] == content, (name, form)


def article(**changes: Any) -> dict[str, Any]:
    """Return a document with three forecasts by Ada, one of them in words, and one by Ben."""
    made = d.document(
        lexicons=[],
        statements=[
            d.statement(),
            d.statement("s-may", start=55, end=76, claim="The mayor goes."),
            d.statement("s-fares", start=121, end=140, claim="Fares double."),
            d.statement("s-ferry", start=77, end=116, stated_by="ben-cole", claim="The ferry closes."),
        ],
        questions=[
            d.question(),
            d.question("q-mayor", title="Does the mayor resign?", cluster="mayor"),
            d.question("q-ferry", title="Does the ferry close?", cluster="ferry"),
        ],
        forecasts=[
            d.worded(phrase="Likely"),
            d.forecast("s-may", "q-mayor", probability=0.3),
            d.forecast("s-fares", "q-ferry", probability=0.9),
            d.forecast("s-ferry", "q-ferry", probability=0.2),
        ],
    )
    return made | changes


def rows(run: Run, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run("export", kind, "--include-drafts").json
    return found


def question(run: Run, title: str) -> str:
    return next(str(row["question"]) for row in rows(run, "questions") if title in row["title"])


def statement(run: Run, claim: str) -> str:
    return next(str(row["statement"]) for row in rows(run, "statements") if claim in row["claim"])


def ruled(run: Run, title: str, outcome: str) -> None:
    asked = question(run, title)
    when = ("--occurred-at", "2020-05-01T00:00:00Z") if outcome == "yes" else ()
    done = run("question", "propose", asked, outcome, "--citation", "Gazette", "--reason", "Read.", *when)
    assert done.code == 0, done.err
    assert run("question", "confirm", asked, "--actor", "bob").code == 0


CHANGES: dict[str, Callable[[Run, Files], Any]] = {
    "a lexicon": lambda run, files: run(
        "register",
        files(
            "lexicon.json", {"schema": 1, "lexicons": [d.lexicon(version="9"), d.lexicon("icd203", version="9")]}
        ),
    ),
    "a corrected speaker": lambda run, files: run(
        "statement", "correct", statement(run, "Fares"), "--stated-by", "ben-cole", "--reason", "It was Ben."
    ),
    "a speaker who gains": lambda run, files: run(
        "statement", "correct", statement(run, "ferry"), "--stated-by", "ada-bell", "--reason", "It was Ada."
    ),
    "a corrected claim": lambda run, files: run(
        "statement", "correct", statement(run, "mayor"), "--claim", "The mayor leaves.", "--reason", "Misread."
    ),
    "a corrected number": lambda run, files: run(
        "forecast",
        "correct",
        next(row["forecast"] for row in rows(run, "forecasts") if row["phrase"] == "Likely"),
        "--probability=0.6",
        "--basis=stated",
        "--reason=Misread.",
    ),
    "a resolution": lambda run, files: ruled(run, "mayor", "no"),
    "a reopened resolution": lambda run, files: run(
        "question", "reopen", question(run, "bridge"), "--reason", "A mistake."
    ),
    "an annulled question": lambda run, files: run(
        "question", "annul", question(run, "ferry"), "--reason", "Broken."
    ),
    "an attached copy": lambda run, files: run("article", "attach", "tarn-2020", files("tarn.txt", d.TEXT)),
    "a reply": lambda run, files: run(
        "author",
        "reply",
        "ada-bell",
        "--text",
        "No.",
        "--received-at",
        "2020-01-02T00:00:00Z",
        "--how",
        "By mail.",
    ),
    "a publication": lambda run, files: run("author", "publish", "ada-bell", "--no-notice", "Nobody to ask."),
    "another article": lambda run, files: run(
        "register",
        files(
            "more.json",
            {
                "schema": 1,
                "articles": [d.article("more", editions=[{"sha256": OTHER, "characters": 99}])],
                "statements": [d.statement("s-more", article="more", claim="More.")],
            },
        ),
    ),
}


def test_every_report_can_be_had_again(
    calledit: Run,
    files: Files,
    tmp_path: Path,
) -> None:
    assert calledit("register", files("article.json", article())).code == 0
    ruled(calledit, "bridge", "yes")
    told = {"the beginning": said(calledit, folder=tmp_path)}
    order = list(CHANGES)
    random.Random(7).shuffle(order)
    for name in order:
        done = CHANGES[name](calledit, files)
        assert done is None or done.code == 0, (name, done.err)
        told[name] = said(calledit, folder=tmp_path if name == order[5] else None)
    told_again(calledit, told, tmp_path)


def over_a_table(files: Files, **changes: Any) -> str:
    """Return a file that asks a table which opens the bridge on 1 July."""
    events = files(
        "events.csv",
        "occurred,zone,known_at,kind,actors\n"
        "2020-06-01,UTC,2020-06-02T00:00:00Z,closing,The Bridge\n"
        "2020-06-28,UTC,2020-07-01T02:00:00Z,opening,The Bridge\n",
    )
    leaf = d.event_leaf()
    leaf |= {"query": leaf["query"] | {"location": events}, "grace": "PT6H"}
    asked = [d.question(criterion=leaf), *article()["questions"][1:]]
    return files("article.json", article(questions=asked))


def replay(run: Run, end: str) -> None:
    assert run("replay", "--from", BEGIN, "--to", end, "--json").code == 0


def test_a_replay_gone_on_with_leaves_what_was_said(
    calledit: Run,
    files: Files,
    tmp_path: Path,
) -> None:
    assert calledit("register", over_a_table(files)).code == 0
    told = {"registered": said(calledit)}
    replay(calledit, END)
    told["replayed"] = said(calledit, folder=tmp_path)
    assert json.loads(told["replayed"]["json"])["now"] == END
    CHANGES["a reply"](calledit, files)
    told["answered"] = said(calledit)
    CHANGES["a corrected speaker"](calledit, files)
    told["corrected"] = said(calledit, folder=tmp_path)
    replay(calledit, LATER)
    told["gone on with"] = said(calledit)
    CHANGES["a publication"](calledit, files)
    told["published"] = said(calledit)
    notes = [json.loads(then["json"])["replay"] for then in told.values()]
    assert ["2020-07-03" in str(note) for note in notes] == [False, True, True, True, False, False]
    told_again(calledit, told, tmp_path)


def test_a_replay_gone_on_with_at_once_leaves_what_was_said(
    calledit: Run,
    files: Files,
    tmp_path: Path,
) -> None:
    assert calledit("register", over_a_table(files)).code == 0
    told = {}
    for end in ("2020-07-01T00:00:00Z", END, LATER):
        replay(calledit, end)
        told[end] = said(calledit)
        assert json.loads(told[end]["json"])["now"] == end
    told_again(calledit, told, tmp_path)


def test_every_page_of_an_earlier_instant_stays_as_it_was(
    calledit: Run,
    files: Files,
    tmp_path: Path,
    database_url: str,
) -> None:
    assert calledit("register", files("article.json", article())).code == 0
    ruled(calledit, "bridge", "yes")
    now = calledit("report", "ada-bell", "--json").json["now"]
    evidence = {row["evidence_sha256"] for row in rows(calledit, "resolutions")}
    paths = ["/", "/corrections", "/articles/tarn-2020", "/authors/ada-bell", "/authors/ada-bell/strip.svg"]
    paths += [f"/statements/{row['statement']}" for row in rows(calledit, "statements")]
    paths += [f"/questions/{row['question']}" for row in rows(calledit, "questions")]
    paths += [f"/evidence/{sha256}" for sha256 in evidence]

    def pages() -> dict[str, tuple[int, bytes]]:
        store = Store(database_url, SystemClock())
        try:
            found = {path: ask(store, f"{path}?as_of={now}", drafts=True) for path in paths}
        finally:
            store.close()
        return {path: (page.status_code, page.content) for path, page in found.items()}

    before = pages()
    assert {status for status, _ in before.values()} == {200}
    for name, change in CHANGES.items():
        done = change(calledit, files)
        assert done is None or done.code == 0, (name, done.err)
    after = pages()
    for path, page in before.items():
        assert after[path] == page, path
    late = {row["evidence_sha256"] for row in rows(calledit, "resolutions")} - evidence - {None}
    store = Store(database_url, SystemClock())
    try:
        found = [ask(store, f"/evidence/{sha256}?as_of={now}", drafts=True).status_code for sha256 in late]
        assert found == [404] * len(late)
        assert [ask(store, f"/evidence/{sha256}", drafts=True).status_code for sha256 in late] == [200] * len(late)
    finally:
        store.close()
    assert late
