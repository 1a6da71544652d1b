import doctest
from pathlib import Path

import scoring

DOCS = Path(__file__).resolve().parents[2] / "docs" / "scoring.md"


def test_the_worked_example_runs() -> None:
    result = doctest.testfile(str(DOCS), module_relative=False, encoding="utf-8")
    assert result.attempted > 15
    assert result.failed == 0


def test_every_public_module_has_its_line() -> None:
    modules = {
        path.stem for path in Path(str(scoring.__file__)).parent.glob("*.py") if not path.stem.startswith("_")
    }
    text = DOCS.read_text(encoding="utf-8")
    # `wording` is reached through `ranking`, which the table names.
    assert not [name for name in sorted(modules - {"wording"}) if f"| `scoring.{name}` |" not in text]
