"""A report as text for a terminal."""

from collections.abc import Iterator
from textwrap import fill
from typing import Any

from forecasts.reports import Report, plural

_WIDTH = 100


def report_text(report: Report) -> str:
    """Return the whole report as plain text."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    author = report["author"]
    yield f"{author['name']} ({author['kind']})"
    if author["note"]:
        yield _wrapped(author["note"])
    yield ""
    yield _wrapped(report["verdict"])
    if report["replay"]:
        yield _wrapped(report["replay"])
    yield ""
    yield from _funnel(report["funnel"])
    for collection in report["collections"]:
        yield _wrapped(f"Chosen: {collection['method']} ({collection['name']}). {collection['description']}")
    yield ""
    yield f"{report['scale']}."
    for name, numbers in report["policies"].items():
        yield from _policy(name, numbers)
    for statement in report["statements"]:
        yield ""
        yield from _statement(statement)
    for lexicon in report["lexicons"]:
        yield ""
        yield _wrapped(
            f"Words: {lexicon['title']} ({lexicon['version']}). {lexicon['source']} {lexicon['licence']}"
        )


def _funnel(funnel: dict[str, int]) -> Iterator[str]:
    yield (
        f"{funnel['statements']} statements found; {funnel['uncheckable']} cannot be checked; "
        f"{funnel['with_forecast']} carry a forecast; {funnel['counted']} count, "
        f"{funnel['not_counted']} do not."
    )
    yield (
        f"Of those that count: {funnel['matured']} past their deadline, {funnel['scored']} scored, "
        f"{funnel['open']} open, {funnel['annulled']} annulled, {funnel['ambiguous']} ambiguous."
    )
    if funnel["conditional"]:
        yield f"Conditional: the condition was met in {funnel['condition_met']} of {funnel['conditional']}."


def _policy(name: str, numbers: dict[str, Any]) -> Iterator[str]:
    if not numbers["scored"]:
        yield f"  {name}: nothing scored"
        return
    basis = ", ".join(f"{count} {basis}" for basis, count in numbers["by_basis"].items() if count)
    size = f"{plural(numbers['scored'], 'claim')} in {plural(numbers['clusters'], 'group')}"
    spread = f"best {numbers['brier_best']:.3f}, worst {numbers['brier_worst']:.3f} over the wording"
    yield f"  {name}: {numbers['brier']:.3f} over {size} ({spread}; {basis})"
    interval = numbers["interval"]
    shown = f"95 % interval {interval[0]:.3f} to {interval[1]:.3f}" if interval else "too few for an interval"
    reference = numbers["reference"]
    yield (
        f"    mean over groups {numbers['brier_over_clusters']:.3f}, {shown}; yes happened in "
        f"{numbers['base_rate']:.0%}; {reference['difference']:+.3f} against {reference['basis']}"
    )
    if numbers["second_lexicon"]:
        other = numbers["second_lexicon"]
        yield f"    {other['forecasts']} of them read by {other['lexicon']}: {other['brier']:.3f}"
    if numbers["retrospective"]:
        yield f"    criteria written after the fact: {numbers['retrospective']} of {numbers['scored']}"


def _statement(statement: dict[str, Any]) -> Iterator[str]:
    span = f"{statement['start']}-{statement['end']}"
    via = f", reported by {statement['reported_via']}" if statement["reported_via"] else ""
    yield f"{statement['id']}  {statement['article']} {span}, part {statement['part']}{via}"
    if statement["quotation"]:
        yield _wrapped(f"Quoted: {statement['quotation']}", 2)
    else:
        yield _wrapped(f"In our words: {statement['claim']}", 2)
    if not statement["forecasts"]:
        yield _wrapped(f"Not scored ({statement['kind']}): {statement['checkability_reason']}", 2)
    for forecast in statement["forecasts"]:
        yield from _forecast(forecast)


def _forecast(forecast: dict[str, Any]) -> Iterator[str]:
    sure = f"{forecast['probability']:.0%} ({forecast['low']:.0%} to {forecast['high']:.0%})"
    basis = forecast["basis_words"]
    if forecast["phrase"]:
        basis += f": {forecast['phrase']!r} in {forecast['lexicon']}"
    yield _wrapped(f"{forecast['id']} on {forecast['question']}: {forecast['title']}", 2)
    yield _wrapped(f"How sure that yes: {sure}; {basis}", 4)
    if forecast["second_lexicon"]:
        other = forecast["second_lexicon"]
        yield f"    {other['lexicon']} beside it: {other['low']:.0%} to {other['high']:.0%}"
    yield f"    By when: {forecast['deadline']}"
    if forecast["condition"]:
        condition = forecast["condition"]
        yield _wrapped(f"If {condition['title']} {condition['needs']} (it is {condition['outcome']})", 4)
    happened = _happened(forecast["occurred_at"], forecast["occurred_until"])
    yield _wrapped(f"Outcome: {forecast['outcome']}{happened}, {forecast['how']}", 4)
    if forecast["evidence_sha256"]:
        yield f"    Evidence: {forecast['evidence_sha256']}" + (
            f" from {forecast['check']}" if forecast["check"] else ""
        )
    for name, score in forecast["scores"].items():
        told = f"Brier {score['brier']:.4f}" if score["brier"] is not None else f"not scored: {score['reason']}"
        yield _wrapped(f"{name}: {told}", 4)


def _happened(start: str | None, end: str | None) -> str:
    if start is None:
        return ""
    return f" on {start}" if end in (None, start) else f" between {start} and {end}"


def _wrapped(text: str, indent: int = 0) -> str:
    space = " " * indent
    return fill(text, _WIDTH, initial_indent=space, subsequent_indent=space + "  " if indent else "")
