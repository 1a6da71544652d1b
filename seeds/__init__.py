"""The founding articles as data, and a loader that only reads."""

import tomllib
from importlib.resources import files
from typing import Any

_FOLDERS = ("lexicons", "collections", "articles")


def documents(*folders: str) -> dict[str, dict[str, Any]]:
    """Return the registration documents in these folders (default: all), by name, what others refer to first."""
    found = {}
    for folder in folders or _FOLDERS:
        for path in sorted((files("seeds") / folder).iterdir(), key=lambda path: path.name):
            if path.name.endswith(".toml"):
                found[f"{folder}/{path.name}"] = tomllib.loads(path.read_text(encoding="utf-8"))
    return found
