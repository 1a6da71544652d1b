"""What the environment can set, and what it cannot."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from forecasts.errors import InvalidInputError
from forecasts.settings import load_settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "DATABASE_URL",
        "ACTOR",
        "DISPUTE_WINDOW",
        "TICK_SECONDS",
        "FETCH_SECONDS",
        "FETCH_BYTES",
        "CONTACT",
        "ALLOW_HOSTS",
        "FILE_ROOTS",
        "HOST_RATE",
    ):
        monkeypatch.delenv(f"CALLEDIT_{name}", raising=False)


def test_without_anything_set_it_runs_on_a_file_with_a_week_to_dispute() -> None:
    found = load_settings()
    assert (found.database_url, found.dispute_window) == ("sqlite:///calledit.db", timedelta(days=7))


def test_the_environment_sets_it_and_the_command_line_goes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLEDIT_DISPUTE_WINDOW", "PT90S")
    monkeypatch.setenv("CALLEDIT_ACTOR", "Ann")
    assert load_settings().dispute_window == timedelta(seconds=90)
    assert load_settings(actor="Bob").actor == "Bob"


def test_hosts_are_opened_by_a_list_and_written_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().allow_hosts == ()
    monkeypatch.setenv("CALLEDIT_ALLOW_HOSTS", "127.0.0.1:8080, Feed.Example., [0:0::1]:90,")
    assert load_settings().allow_hosts == ("127.0.0.1:8080", "feed.example", "[::1]:90")


def test_every_file_is_read_unless_directories_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().file_roots is None
    monkeypatch.setenv("CALLEDIT_FILE_ROOTS", f"/srv/tables{os.pathsep}/srv/feeds")
    assert load_settings().file_roots == (Path("/srv/tables"), Path("/srv/feeds"))
    monkeypatch.setenv("CALLEDIT_FILE_ROOTS", "")
    assert load_settings().file_roots == ()


@pytest.mark.parametrize("given", ["postgres://me@h/d", "postgresql://me@h/d", "postgresql+psycopg://me@h/d"])
def test_every_way_to_write_postgresql_leads_to_one_driver(given: str) -> None:
    assert load_settings(database_url=given).database_url == "postgresql+psycopg://me@h/d"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (
            "DATABASE_URL",
            "mysql://h/d",
            "CALLEDIT_DATABASE_URL: write sqlite:///FILE or postgresql://USER@HOST/DATABASE.",
        ),
        ("DATABASE_URL", "", "CALLEDIT_DATABASE_URL: write sqlite:///FILE"),
        ("DISPUTE_WINDOW", "a week", "CALLEDIT_DISPUTE_WINDOW: 'a week' is not a duration"),
        ("DISPUTE_WINDOW", "-P7D", "CALLEDIT_DISPUTE_WINDOW: '-P7D' is not a duration"),
        ("TICK_SECONDS", "0", "CALLEDIT_TICK_SECONDS: Input should be greater than 0"),
        ("TICK_SECONDS", "nan", "CALLEDIT_TICK_SECONDS: Input should be"),
        ("FETCH_SECONDS", "inf", "CALLEDIT_FETCH_SECONDS: Input should be"),
        ("FETCH_BYTES", "many", "CALLEDIT_FETCH_BYTES: Input should be a valid integer"),
        ("HOST_RATE", "-1", "CALLEDIT_HOST_RATE: Input should be greater than or equal to 0"),
        ("PUBLIC_URL", "scores.example", "CALLEDIT_PUBLIC_URL: write https:// and the name of the host"),
        ("PUBLIC_URL", "https://scores.example/desk", "CALLEDIT_PUBLIC_URL: write https:// and the name of"),
        ("PUBLIC_URL", "javascript:alert(1)", "CALLEDIT_PUBLIC_URL: write https:// and the name of the host"),
        (
            "CONTACT",
            "José, desk@scores.example",
            "CALLEDIT_CONTACT: write it on one line without accents or other",
        ),
        (
            "CONTACT",
            "Ed\nX-Evil: 1",
            "CALLEDIT_CONTACT: write it on one line without accents or other signs beyond",
        ),
        ("ALLOW_HOSTS", "http://feed.example", "CALLEDIT_ALLOW_HOSTS: 'http://feed.example' is no host; write"),
        ("ALLOW_HOSTS", "*.example", "CALLEDIT_ALLOW_HOSTS: '*.example' is no host"),
        ("ALLOW_HOSTS", "feed.example:http", "CALLEDIT_ALLOW_HOSTS: 'feed.example:http' is no host"),
        ("ALLOW_HOSTS", "::1", "CALLEDIT_ALLOW_HOSTS: '::1' is no host"),
        ("ALLOW_HOSTS", "me@feed.example", "CALLEDIT_ALLOW_HOSTS: 'me@feed.example' is no host"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(f"CALLEDIT_{name}", value)
    with pytest.raises(InvalidInputError) as caught:
        load_settings()
    assert says in str(caught.value)
