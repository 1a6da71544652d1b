"""What is pinned, what is shipped, and that both agree."""

import ast
import re
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PACKAGES = ("forecasts", "scoring", "jobs", "seeds")

Pin = tuple[str, str]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines: list[str]) -> set[Pin]:
    """Return name and version of every exact pin; a name may have two, told apart by a marker."""
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", line) for line in lines)
    return {(canonical(match[1]), match[2]) for match in found if match}


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return canonical(match[0])


CONSTRAINTS = pins(PROJECT["tool"]["uv"]["constraint-dependencies"])
LOCKED = pins(LOCK.splitlines())


def test_every_constraint_is_an_exact_pin() -> None:
    assert len(CONSTRAINTS) == len(PROJECT["tool"]["uv"]["constraint-dependencies"])


def test_the_lock_and_the_constraints_agree_on_every_version() -> None:
    assert LOCKED
    assert LOCKED <= CONSTRAINTS


def test_the_lock_has_everything_the_product_asks_for() -> None:
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["postgres"]]
    assert {name_of(requirement) for requirement in wanted} <= {name for name, _ in LOCKED}


def test_everything_asked_for_is_pinned() -> None:
    groups = PROJECT["dependency-groups"]
    wanted = [*PROJECT["project"]["dependencies"], *groups["test"], *groups["lint"]]
    assert {name_of(requirement) for requirement in wanted} <= {name for name, _ in CONSTRAINTS}


def test_everything_locked_has_a_hash() -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", LOCK).strip())
    assert len(entries) == len([line for line in LOCK.splitlines() if re.match(r"[A-Za-z0-9]", line)])
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_no_host_is_named(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.findall(r"https?:|(?m:^\s*(?:--?(?:extra-)?index-url|--find-links|-i|-f)\b)", text)


def imported() -> set[str]:
    """Return the top-level names the product imports anywhere, also inside functions."""
    found: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module.partition(".")[0])
    return found


PROVIDERS = packages_distributions()
USED = {canonical(name) for module in imported() for name in PROVIDERS.get(module, [])}
NAMED = {name_of(requirement) for requirement in PROJECT["project"]["dependencies"]}


def test_every_dependency_is_used() -> None:
    idle = {"tzdata"}  # zoneinfo reads it where the system has no zones
    assert idle == NAMED - USED


def test_everything_used_comes_with_the_dependencies() -> None:
    extras = PROJECT["project"]["optional-dependencies"].values()
    asked = NAMED | {name_of(requirement) for extra in extras for requirement in extra}
    brought = {name_of(requirement) for name in NAMED for requirement in requires(name) or []}
    assert USED - asked - brought - {"calledit"} == set()


def test_only_the_product_is_shipped() -> None:
    targets = PROJECT["tool"]["hatch"]["build"]["targets"]
    assert set(targets["wheel"]["packages"]) == set(PACKAGES)
    assert "tests" not in targets["sdist"]["include"]


def test_a_fresh_clone_has_what_its_tests_need() -> None:
    assert PROJECT["tool"]["uv"]["default-groups"] == ["test"]
