"""The documents are true: their example registers, and every command and setting is in them."""

import json
import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main
from jsonschema import Draft202012Validator

import seeds
from forecasts import criteria, registry
from forecasts.decide import Reading, Window, decide
from forecasts.exchange.files import parse_document
from forecasts.exchange.schema import json_schema
from forecasts.settings import Settings
from forecasts.store import Store
from jobs.cli import app, main
from jobs.sources import catalogue
from tests.support.clocks import at

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))


def test_the_example_in_the_documents_registers(store: Store) -> None:
    page = (ROOT / "docs/register.md").read_text(encoding="utf-8")
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert example is not None
    for value in (*seeds.documents("lexicons").values(), tomllib.loads(example[1])):
        registered = registry.register(store, parse_document(value), catalogue=catalogue(), actor="ann")
    assert registered.added["forecasts"] == 1


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    for name in group.commands:  # type: ignore[attr-defined]
        assert f"`{name}" in page, name


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"`CALLEDIT_{name.upper()}`" in page, name


def test_every_source_is_documented_with_its_fields_and_a_query_it_takes() -> None:
    page = (ROOT / "docs/sources.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"\n## ([a-z-]+)\n(.*?)(?=\n## |\Z)", page, re.DOTALL))
    known = catalogue()
    assert sorted(sections) == known.names()
    for name, section in sections.items():
        source = known.get(name)
        assert "**Unsound when**" in section, name
        assert [field for field in source.about.query.model_fields if f"`{field}`" not in section] == []
        examples = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
        assert examples, name
        for example in examples:
            assert source.canonical(json.loads(example)), name


CRITERIA = (ROOT / "docs/criteria.md").read_text(encoding="utf-8")
CRITERION = r'```json\n(\{"type".*?)```'


def test_every_type_of_criterion_is_documented_with_an_example_both_validators_take() -> None:
    known = catalogue()
    schema = json_schema({name: known.get(name).about.query for name in known.names()})
    examples = [json.loads(text) for text in re.findall(CRITERION, CRITERIA, re.DOTALL)]
    for value in examples:
        criteria.canonical(criteria.parse(value), known)
        Draft202012Validator(schema).validate(value)
    types = set(re.findall(r'"type": "(\w+)"', "".join(re.findall(CRITERION, CRITERIA, re.DOTALL))))
    assert types == {kind for model in get_args(get_args(criteria.Criterion)[0]) for kind in kinds_of(model)}


def kinds_of(model: Any) -> tuple[str, ...]:
    """Return how a type of criterion is called in JSON."""
    return get_args(model.model_fields["type"].annotation)


def test_every_criterion_in_the_documents_says_what_is_written_below_it() -> None:
    known = catalogue()
    answers = dict(re.findall(r"`(https://\S+)` answers\n\n```\w+\n(.*?)```", CRITERIA, re.DOTALL))
    opens, deadline = map(at, re.findall(r"`(2024-\S+)`", CRITERIA)[:2])
    found = re.findall(CRITERION + r".*?At `(\S+?)`[^*]*?it says\s\*\*(\w+)\*\*: (.*?)\.\s", CRITERIA, re.DOTALL)
    assert len(found) == len(re.findall(CRITERION, CRITERIA, re.DOTALL)) == 8
    for text, when, value, reason in found:
        criterion = criteria.canonical(criteria.parse(json.loads(text)), known)
        readings = {}
        for leaf in criteria.source_leaves(criterion):
            source = known.get(leaf.source)
            body = answers[source.request(leaf.query, as_of=at(when), previous=None).location].encode()
            observation = source.parse(body, query=leaf.query, content_type="", fetched_at=at(when), previous=None)
            readings[leaf.resource] = Reading(observation, at(when), leaf.min_checks)
        verdict = decide(criterion, Window(opens, opens, deadline), readings, at(when))
        assert (verdict.value, verdict.reason) == (value, " ".join(reason.split())), text


def test_the_dry_run_in_the_documents_prints_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    section = CRITERIA[CRITERIA.index("## Before you register it") :]
    question, table, command, printed = re.findall(r"```\w*\n(.*?)```", section, re.DOTALL)
    (tmp_path / "ferry.toml").write_text(question, encoding="utf-8")
    (tmp_path / "arrivals.csv").write_text(table, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", shlex.split(command.removeprefix("$ ")))
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().out) == (0, printed)


def test_every_link_in_the_documents_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_every_command_in_the_documents_exists() -> None:
    group = typer.main.get_command(app)
    for page in PAGES:
        code = "\n".join(re.findall(r"```console\n.*?```|`[^`\n]+`", page.read_text(encoding="utf-8"), re.DOTALL))
        for name, then in re.findall(r"\bcalledit (?:--\w+ \S+ )*([a-z]+)(?: ([a-z][a-z-]*)\b)?", code):
            assert name in group.commands, f"{page.name}: calledit {name}"  # type: ignore[attr-defined]
            within = getattr(group.commands[name], "commands", None)  # type: ignore[attr-defined]
            assert within is None or then in within, f"{page.name}: calledit {name} {then}"


def test_every_picture_is_small_and_shown() -> None:
    shown = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r"!\[[^]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    }
    pictures = set((ROOT / "docs/pictures").iterdir())
    assert pictures == shown
    for picture in pictures:
        assert picture.stat().st_size <= 150_000, picture.name
