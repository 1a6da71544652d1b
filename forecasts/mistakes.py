"""What is wrong with something that was written, in one sentence: where it stands, what it is, and the remedy."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from forecasts.scalars import meant, shown

_NEEDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a number that is not NaN or infinite",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object with fields",
    "model_type": "an object with fields",
    "model_attributes_type": "an object with fields",
}


def first_error(error: ValidationError, value: object) -> str:
    """Return one sentence for the first thing wrong with `value`: where it stands, what it is, and the remedy."""
    places: dict[tuple[int | str, ...], list[Any]] = {}
    for found in error.errors():
        places.setdefault(_place(found, value), []).append(found)
    place, first = next(iter(places.items()))
    more = f" ({len(places) - 1} more after it)" if len(places) > 1 else ""
    return f"{written(place) or 'the document'}: {_message(first).rstrip('.')}{more}."


def written(place: Sequence[int | str]) -> str:
    """Return a place in a document as people write it.

    >>> written(["of", 0, "filter", "kind"])
    'of[0].filter.kind'
    """
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    return path.encode("utf-8", "backslashreplace").decode()


def _place(error: Any, value: Any) -> tuple[int | str, ...]:
    """Return where an error stands in the value: pydantic's location without the names of its own schemas."""
    place: list[int | str] = []
    unknown = error["type"] == "unknown_field"
    way, last = (error["loc"], [error["ctx"]["field"]]) if unknown else (error["loc"][:-1], [*error["loc"][-1:]])
    for part in way:
        if (isinstance(value, dict) and part in value) or (isinstance(value, list) and isinstance(part, int)):
            value = value[part]
        else:
            continue
        place.append(part)
    return (*place, *last) if isinstance(value, dict | list) and last != ["[key]"] else tuple(place)


def _message(errors: Sequence[Any]) -> str:
    """Return what is wrong at one place, and what to do about it; there are several where one of several fits."""
    error, given = errors[0], shown(errors[0]["input"])
    if all(found["type"] in _NEEDS for found in errors):
        needed = dict.fromkeys(_NEEDS[found["type"]] for found in errors)
        return f"{' or '.join(needed)} is needed, not {given}"
    if error["type"] in _SENTENCES:
        return _SENTENCES[error["type"]](error.get("ctx", {}))
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{message}, not {given}" if message.startswith("Input should be") else message


def _no_such_kind(context: Mapping[str, Any]) -> str:
    known = context["expected_tags"].replace("'", "")
    guess = meant(context["tag"], known.split(", "))
    return f"there is no {_tells_apart(context)} {shown(context['tag'])}{guess}; use one of {known}"


def _tells_apart(context: Mapping[str, Any]) -> str:
    """Return the field that tells alternatives apart, as it is written: by its alias where it has one."""
    return str(context["discriminator"]).split(" | ")[-1].strip("'")


_SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "this field is missing; add it",
    "string_unicode": lambda _: "the text contains half of a surrogate pair; remove it",
    "too_short": lambda c: f"the list is too short; give at least {c['min_length']}, not {c['actual_length']}",
    "too_long": lambda c: f"the list is too long; give at most {c['max_length']}, not {c['actual_length']}",
    "union_tag_invalid": _no_such_kind,
    "union_tag_not_found": lambda c: (
        f"the field {_tells_apart(c)!r} is missing, which says what kind it is; add it"
    ),
}
