"""The demonstration: the same on both databases, clean each time, and never over a registry of somebody's own."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from forecasts.ledger import read_ledger
from forecasts.reports import author_report
from forecasts.store import Store
from forecasts.web.lists import authors_view
from jobs import demo
from jobs.cli import main
from jobs.clocks import SystemClock
from tests.test_cli import document, write

Make = Callable[..., str]
Demo = Callable[..., str]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """End the demo after two days: enough to see that it runs. What years come to, the founding replays show."""
    monkeypatch.setattr(demo, "END", datetime(2019, 2, 24, tzinfo=UTC))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Demo:
    """Run a command in an empty folder and return what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CALLEDIT_DATABASE_URL", raising=False)

    def command(*args: str) -> str:
        monkeypatch.setattr(sys, "argv", ["calledit", *args])
        try:
            main()
        except SystemExit as stopped:
            if stopped.code:
                raise
        return capsys.readouterr().out

    return command


@pytest.fixture
def unillustrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the pages and pictures: for what a test asks of the database alone."""
    monkeypatch.setattr(demo, "_write_pages", lambda *_: None)


def test_it_prints_the_same_bytes_on_both_databases(
    run: Demo, new_database: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "END", datetime(2019, 5, 1, tzinfo=UTC))
    with monkeypatch.context() as without_pages:
        without_pages.setattr(demo, "_write_pages", lambda *_: None)
        on_postgres = run("--database", new_database("postgresql", migrated=False), "demo", "--json")
    on_sqlite = run("demo", "--json")
    assert on_sqlite == on_postgres
    summary = json.loads(on_sqlite)
    assert list(summary) == ["articles", "statements", "questions", "forecasts", "checks", "outcomes", "authors"]
    assert set(summary["outcomes"]) == {"yes", "no", "ambiguous", "annulled", "open"}
    assert sum(summary["outcomes"].values()) == summary["questions"]
    assert summary["outcomes"]["no"] > 0
    assert summary["outcomes"]["annulled"] > 0
    for author in summary["authors"]:
        assert set(author) == {"slug", "name", "kind", "statements", "policies"}
        for numbers in author["policies"].values():
            assert set(numbers) == {"scored", "clusters", "brier"}
    store = Store("sqlite:///calledit-demo/calledit.db", SystemClock())
    ledger = read_ledger(store)
    listed = {row["slug"]: row["policies"] for row in authors_view(ledger, demo.END)["authors"]["rows"]}
    pages_say = {
        slug: author_report(ledger, slug, demo.END, past_only=True)["headline"]["brier"] for slug in listed
    }
    for author in summary["authors"]:
        assert author["policies"] == listed[author["slug"]]  # the list of authors
        assert author["policies"]["broad"]["brier"] == pytest.approx(pages_say[author["slug"]], abs=1e-12)
    store.close()
    assert any(pages_say.values())
    folder = Path("calledit-demo/authors")
    assert summary["articles"] == 3
    pages = {path.stem for path in folder.glob("*.html")}
    assert pages == {author["slug"] for author in summary["authors"]}
    assert {"christopher-hill", "laura-rosenberger", "hanoi-2019-02-call-officials"} <= pages
    pictures = {path.stem for path in folder.glob("*.svg")}
    assert pictures == {path.stem for path in folder.glob("*.png")}
    assert "laura-rosenberger" not in pictures  # she asks, and forecasts nothing
    assert "Replayed" in (folder / "jung-h-pak.html").read_text(encoding="utf-8")
    assert "Replayed" in (folder / "jung-h-pak.svg").read_text(encoding="utf-8")
    board = Path("calledit-demo/leaderboard.html").read_text(encoding="utf-8")
    assert "Replayed" in board
    assert "Cannot be ranked" in board


def test_run_twice_it_starts_clean(run: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "author_page", lambda *_: "page")  # of the files it is, not of what is drawn there
    monkeypatch.setattr(demo, "pictures", lambda _: {})
    monkeypatch.setattr(demo, "to_svg", lambda _: "<svg/>")
    monkeypatch.setattr(demo, "to_png", lambda _: b"png")
    first = run("demo")
    written = sorted(Path("calledit-demo").rglob("*.*"))
    gone = Path("calledit-demo/authors/somebody-else.png")
    gone.touch()
    assert first.startswith("3 articles, 101 statements, 59 questions, 65 forecasts, ")
    assert "unranked" in first
    assert "Nothing scored: Asia watchers; " in first
    assert "serve" in first
    stray = Path("calledit-demo/notes.txt")
    stray.write_text("mine", encoding="utf-8")
    assert run("demo") == first
    assert sorted(Path("calledit-demo").rglob("*.*")) == sorted([*written, stray])
    assert stray.read_text(encoding="utf-8") == "mine"


@pytest.mark.usefixtures("unillustrated")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_it_refuses_a_registry_that_no_demo_wrote(
    run: Demo, new_database: Make, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = new_database(kind)
    run("--database", url, "register", write(tmp_path, document()))
    before = run("--database", url, "export", "statements")
    with pytest.raises(SystemExit):
        run("--database", url, "demo")
    assert "no demo wrote" in capsys.readouterr().err
    assert run("--database", url, "export", "statements") == before


@pytest.mark.usefixtures("unillustrated")
def test_a_replayed_registry_takes_no_live_checks(run: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    run("demo", "--json")
    with pytest.raises(SystemExit):
        run("--database", "sqlite:///calledit-demo/calledit.db", "check", "--due")
    assert "written by a replay" in capsys.readouterr().err


@pytest.mark.usefixtures("unillustrated")
def test_it_keeps_what_somebody_registered_beside_it(
    run: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("demo", "--json")
    mine = document(questions=[], forecasts=[])
    run("--database", "sqlite:///calledit-demo/calledit.db", "register", write(tmp_path, mine))
    with pytest.raises(SystemExit):
        run("demo", "--json")
    assert "no demo wrote" in capsys.readouterr().err
    kept = run("--database", "sqlite:///calledit-demo/calledit.db", "export", "authors")
    assert "The Mayor" in kept


@pytest.mark.usefixtures("unillustrated")
def test_a_second_demo_waits_its_turn(run: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    run("demo", "--json")
    with Store("sqlite:///calledit-demo/calledit.db", SystemClock()).only_replay(), pytest.raises(SystemExit):
        run("demo", "--json")
    assert "Another replay is running" in capsys.readouterr().err
    assert run("--database", "sqlite:///calledit-demo/calledit.db", "export", "statements") != "[]\n"


@pytest.mark.usefixtures("unillustrated")
def test_a_replayed_registry_takes_no_new_questions(
    run: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("demo", "--json")
    with pytest.raises(SystemExit):
        run("--database", "sqlite:///calledit-demo/calledit.db", "register", write(tmp_path, document()))
    assert "register new questions in another registry" in capsys.readouterr().err
