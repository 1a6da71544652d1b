"""The documents are true: their example registers, and every command and setting is in them."""

import json
import re
import tomllib
from pathlib import Path

import typer.main

import seeds
from forecasts import registry
from forecasts.exchange.files import parse_document
from forecasts.settings import Settings
from forecasts.store import Store
from jobs.cli import app
from jobs.sources import catalogue

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


def test_every_link_in_the_documents_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_every_command_in_the_documents_exists() -> None:
    group = typer.main.get_command(app)
    for page in PAGES:
        code = "\n".join(re.findall(r"```console\n.*?```|`[^`\n]+`", page.read_text(encoding="utf-8"), re.DOTALL))
        for name, then in re.findall(r"\bcalledit (?:--\w+ \S+ )*([a-z]+)(?: ([a-z]+)\b)?", code):
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
