r"""Where in a JSON value something stands: a bounded subset of JSONPath (RFC 9535).

A path begins with `$` (the whole answer) or `@` (one row) and goes on with any of

- `.name`, `['any name']`: a member of an object;
- `[3]`, `[-1]`: an element of a list, from its beginning or its end;
- `[*]`: every element of a list, every member of an object;
- `[?@.date == '2024-03-01']`: the elements of a list in which that path leads to that value.

No descent to any depth, no slices, no functions, no regular expressions: a path visits each value at most once
for each of its steps, so it takes time in proportion to the answer.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints

MAX_STEPS = 20
_STEP = re.compile(
    r"""
    \.(?P<name>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff-]*)
    | \[\s*(?: (?P<quoted>'[^'\\]*'|"[^"\\]*") | (?P<index>-?\d{1,6}) | (?P<every>\*) )\s*\]
    | \[\s*\?\s*(?P<where>@(?:[^=\s'"]|'[^'\\]*'|"[^"\\]*")*)\s*==\s*
        (?P<equals>'[^'\\]*'|"[^"\\]*"|true|false|null|-?\d{1,15}(?:\.\d{1,15})?)\s*\]
    """,
    re.VERBOSE,
)
_Step = Callable[[Any], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path; `single` when it can lead to no more than one value."""

    root: str
    steps: tuple[_Step, ...]
    single: bool

    def find(self, value: Any) -> list[Any]:
        """Return the values the path leads to, in the order of the answer.

        >>> compile_path("$.rows[*].n").find({"rows": [{"n": 1}, {}, {"n": 2}]})
        [1, 2]
        >>> compile_path("$[?@.day == 'Monday'].n").find([{"day": "Monday", "n": 3}, {"day": "Friday", "n": 4}])
        [3]
        """
        found = [value]
        for step in self.steps:
            found = [inner for outer in found for inner in step(outer)]
        return found


@lru_cache(maxsize=1024)
def compile_path(text: str) -> Path:
    """Compile a path; raise `ValueError` with a sentence that says where it stops being one."""
    root, steps, single, position = text[:1], [], True, 1
    if root not in ("$", "@"):
        raise ValueError(f"a path begins with $ (the answer) or @ (a row), not {text[:20]!r}")
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(
                f"{text[position : position + 20]!r} is no step of a path; "
                "use .name, ['name'], [0], [-1], [*] or [?@.name == 'value']"
            )
        steps.append(_step(match))
        single = single and match["every"] is None and match["where"] is None
        position = match.end()
    if len(steps) > MAX_STEPS:
        raise ValueError(f"a path has at most {MAX_STEPS} steps, not {len(steps)}")
    return Path(root, tuple(steps), single)


def _step(match: re.Match[str]) -> _Step:
    if match["every"]:
        return _children
    if match["index"]:
        return _element(int(match["index"]))
    if match["where"]:
        inner = compile_path(match["where"])
        if not inner.single:
            raise ValueError(f"{match['where']!r} in a condition leads to more than one value; name one member")
        return _where(inner, _literal(match["equals"]))
    return _member(match["name"] or match["quoted"][1:-1])


def _literal(text: str) -> Any:
    return text[1:-1] if text[0] in "'\"" else json.loads(text, parse_float=Decimal)


def _children(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()


def _element(index: int) -> _Step:
    def step(value: Any) -> Iterable[Any]:
        return (value[index],) if isinstance(value, list) and -len(value) <= index < len(value) else ()

    return step


def _member(name: str) -> _Step:
    def step(value: Any) -> Iterable[Any]:
        return (value[name],) if isinstance(value, dict) and name in value else ()

    return step


def _where(path: Path, wanted: Any) -> _Step:
    def same(found: Any) -> bool:  # to Python 1 == True
        return isinstance(found, bool) is isinstance(wanted, bool) and bool(found == wanted)

    def step(value: Any) -> Iterator[Any]:
        for element in value if isinstance(value, list) else ():
            if any(same(found) for found in path.find(element)):
                yield element

    return step


def _answer_path(text: str) -> str:
    if compile_path(text).root != "$":
        raise ValueError("this path is looked for in the whole answer; begin it with $")
    return text


def _row_path(text: str) -> str:
    if compile_path(text).root != "@":
        raise ValueError("this path is looked for in each row; begin it with @")
    return text


_Bounded = StringConstraints(min_length=1, max_length=300)
AnswerPath = Annotated[str, _Bounded, AfterValidator(_answer_path)]
RowPath = Annotated[str, _Bounded, AfterValidator(_row_path)]
