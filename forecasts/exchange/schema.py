"""The JSON Schema (draft 2020-12) of what people write: a criterion, or a whole registration file."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import TypeAdapter

from forecasts.criteria import Criterion, SourceLeaf
from forecasts.exchange.document import Document
from forecasts.scalars import Strict

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(queries: Mapping[str, type[Strict]], *, registration: bool = False) -> dict[str, Any]:
    """Return the schema of a criterion, or of a `registration` file, for sources with these queries by name.

    What a criterion may ask depends on its `source`. Whatever the registry takes is valid under the schema;
    what takes several fields to judge (a known zone, the depth of nesting, fields that exclude each other) is
    judged at registration only.
    """
    asked: list[tuple[str, Any]] = [("a criterion", TypeAdapter(Criterion))]
    asked += [("a registration file", TypeAdapter(Document))] if registration else []
    root = asked[-1][0]
    asked += [(name, TypeAdapter(model)) for name, model in sorted(queries.items())]
    found, whole = TypeAdapter.json_schemas([(name, "validation", adapter) for name, adapter in asked])
    named = whole["$defs"]
    for combinator in ("All", "AnyOf"):
        named[combinator]["properties"]["of"]["items"] = {"$ref": "#/$defs/Criterion"}
    by_a_person = {"properties": {"type": {"const": "manual"}}, "required": ["type"]}
    named["Not"]["properties"]["criterion"] = {"$ref": "#/$defs/Criterion", "not": by_a_person}
    named["Criterion"] = found["a criterion", "validation"]
    named["Reading"] = {"allOf": [_if_source(name, found[name, "validation"]) for name in sorted(queries)]}
    for leaf in get_args(SourceLeaf):
        named[leaf.__name__]["properties"]["source"]["enum"] = sorted(queries)
        named[leaf.__name__]["$ref"] = "#/$defs/Reading"
    if registration:
        named["Question"]["properties"]["criterion"] = {"$ref": "#/$defs/Criterion"}
    top = found[root, "validation"] if registration else {"$ref": "#/$defs/Criterion"}
    return {
        "$schema": DRAFT,
        "title": f"calledit: {root}",
        **_plain(top),
        "$defs": {name: _plain(named[name]) for name in sorted(named)},
    }


def _if_source(name: str, query: Any) -> dict[str, Any]:
    """Return the rule that a criterion over this source has a query of this form."""
    return {
        "if": {"properties": {"source": {"const": name}}, "required": ["source"]},
        "then": {"properties": {"query": query}},
    }


def _plain(value: Any) -> Any:
    """Return a schema without what is OpenAPI's and no JSON Schema."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items() if name != "discriminator"}
    return [_plain(part) for part in value] if isinstance(value, list) else value
