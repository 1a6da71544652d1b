"""Reading a registration file: TOML or JSON, checked strictly, every mistake one clear sentence."""

import json
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from forecasts.errors import InvalidInputError
from forecasts.exchange.document import Document
from forecasts.mistakes import first_error

MAX_BYTES = 50_000_000


def read_document(path: Path, *, or_question: bool = False) -> Document:
    """Read a registration file; raise `InvalidInputError` naming the first thing wrong and its place.

    With `or_question` the file may also hold one question alone, as it stands in a list of questions.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidInputError(f"{path} is larger than {MAX_BYTES} bytes; split it into several files.")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    try:
        value = (
            json.loads(text, object_pairs_hook=no_key_twice)
            if path.suffix.lower() == ".json"
            else tomllib.loads(text)
        )
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise InvalidInputError(f"{path} is not {kind}: {error}.") from None
    if or_question and isinstance(value, dict) and "criterion" in value:
        value = {"questions": [value]}
    return parse_document(value)


def no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that names a key twice: one of the two would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


def parse_document(value: object) -> Document:
    """Check a registration document; raise `InvalidInputError` naming the first thing wrong."""
    if not isinstance(value, Mapping) or not value:
        raise InvalidInputError("The file registers nothing; see docs/register.md for its form.")
    try:
        return Document.model_validate(dict(value))
    except ValidationError as error:
        raise InvalidInputError(first_error(error, value)) from None
