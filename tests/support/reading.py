"""The tables of docs/seeds.md, made from the seeds: what was read where, and what each question came to.

`uv run python -m tests.support.reading` prints the first kind; tests/jobs/test_founding.py checks the second.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from seeds import documents

Item = dict[str, Any]


def statements_table(document: Item) -> str:
    """Return every statement of an article with its place, its speaker and its questions."""
    lines = ["| characters | statement | checkable | said by | question |", "| --- | --- | --- | --- | --- |"]
    names = {author["slug"]: author["name"] for each in documents().values() for author in each.get("authors", [])}
    parts = Counter((item["start"], item["end"], item["stated_by"]) for item in document["statements"])
    for item in document["statements"]:
        place = f"{item['start']}–{item['end']}"
        if parts[item["start"], item["end"], item["stated_by"]] > 1:
            place += f", {item.get('part', 1)}"
        cells = (place, f"`{item['key']}`", item["checkability"], names[item["stated_by"]], _asked(document, item))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _asked(document: Item, statement: Item) -> str:
    """Return the questions a statement answers: what it asserts, what they hang on, why it is set aside."""
    if statement["kind"] == "not-a-forecast":
        return "not a forecast"
    questions = {question["key"]: question for question in document["questions"]}
    found = []
    for forecast in document["forecasts"]:
        if forecast["statement"] == statement["key"]:
            condition = questions[forecast["question"]].get("condition")
            words = f"`{forecast['question']}`" + (", asserting no" if forecast["asserts"] == "no" else "")
            if condition:
                words += f", if {'' if condition['outcome'] == 'yes' else 'not '}`{condition['question']}`"
            if "excluded_because" in forecast:
                words += f" ({forecast['excluded_because']})"
            found.append(words)
    return "; ".join(found) or "–"


def outcomes_table(document: Item, outcomes: Mapping[str, tuple[str, str, str]]) -> str:
    """Return every question of an article with its outcome, when what decided it occurred, and by what rule."""
    lines = ["| question | outcome | occurred (UTC) | decided by |", "| --- | --- | --- | --- |"]
    for question in document["questions"]:
        outcome, occurred, rule = outcomes[question["key"]]
        lines.append(f"| `{question['key']}` | {outcome} | {occurred or '–'} | {rule} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table of statements of each article."""
    for name, document in documents("articles").items():
        print(f"{name}\n\n{statements_table(document)}\n")


if __name__ == "__main__":
    main()
