"""The documents are true: their example registers, and every command and setting is in them."""

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

ROOT = Path(__file__).parent.parent


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


def test_every_link_in_the_documents_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"
