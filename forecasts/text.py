"""Reports and the leaderboard as text for a terminal: the short of it first, then every claim."""

from collections.abc import Iterator
from textwrap import fill
from typing import Any

from forecasts import disclosures
from forecasts.leaderboard import Board
from forecasts.reports import Report
from forecasts.sentences import plural, score, share

_WIDTH = 100
_MOST_PAIRS = 10


def report_text(report: Report) -> str:
    """Return the whole report as plain text."""
    return "\n".join(_lines(report))


def leaderboard_text(board: Board) -> str:
    """Return the leaderboard as plain text."""
    return "\n".join(_board(board))


def _lines(report: Report) -> Iterator[str]:
    author = report["author"]
    yield f"{author['name']} ({author['kind']})"
    for note in report["publication"]["notes"]:
        yield _wrapped(note)
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
    if report["chosen"]:
        yield _wrapped(report["chosen"])
    yield _wrapped(report["ranking"]["sentence"])
    yield ""
    early = report["funnel"]["scored"] - report["policies"]["broad"]["scored"]
    left_out = f" Of claims past their deadline: left out, {early} that came out early." if early else ""
    yield _wrapped(f"{report['scale']}.{left_out}")
    broad, strict = report["policies"]["broad"], report["policies"]["strict"]
    same = broad["scored"] and broad["rows"] == strict["rows"]
    for name, numbers in ({"broad and strict": broad} if same else report["policies"]).items():
        yield from _policy(name, numbers)
    for name, ends in report["maturity"].items():
        if ends["sentence"]:
            yield _wrapped(f"{name}: {ends['sentence']}", 2)
    yield from _phrases(broad["phrases"])
    yield from _withheld(broad)
    for statement in report["statements"]:
        yield ""
        yield from _statement(statement)
    for line in disclosures.closing_lines(report):
        yield ""
        yield _wrapped(line)
    for lexicon in report["lexicons"]:
        yield ""
        yield _wrapped(
            f"Words: {lexicon['title']} ({lexicon['version']}). {lexicon['source']} {lexicon['licence']}"
        )


def _funnel(funnel: dict[str, int]) -> Iterator[str]:
    yield (
        f"{plural(funnel['statements'], 'statement')} found; {funnel['checkable']} can be checked; "
        f"{funnel['with_forecast']} carry a forecast; {funnel['counted']} count, "
        f"{funnel['not_counted']} do not."
    )
    yield (
        f"Of those that count: {funnel['matured']} past their deadline, {funnel['scored']} scored, "
        f"{funnel['open']} open ({funnel['overdue']} of them overdue), {funnel['annulled']} annulled, "
        f"{funnel['ambiguous']} ambiguous."
    )
    if funnel["conditional"]:
        yield (
            f"Conditional: the condition was met in {funnel['condition_met']} of {funnel['conditional']} "
            f"({funnel['condition_open']} still open)."
        )


def _policy(name: str, numbers: dict[str, Any]) -> Iterator[str]:
    if not numbers["scored"]:
        yield f"  {name}: nothing scored"
        return
    basis = ", ".join(f"{count} {basis}" for basis, count in numbers["by_basis"].items() if count)
    size = f"{plural(numbers['scored'], 'claim')} in {plural(numbers['clusters'], 'group')}"
    spread = f"best {numbers['brier_best']:.3f}, worst {numbers['brier_worst']:.3f} over the wording"
    interval = numbers["interval"]
    shown = f"95 % interval {interval[0]:.3f} to {interval[1]:.3f}" if interval else "too few for an interval"
    yield f"  {name}: {numbers['brier_over_clusters']:.3f}, each group once, {shown}; {size} ({basis})"
    yield (f"    each claim once {numbers['brier']:.3f} ({spread}); yes happened in {numbers['base_rate']:.0%}")
    yield _wrapped(numbers["reference"]["sentence"], 4)
    told = [numbers[field] for field in ("wording", "in_the_large", "spiegelhalter", "curve", "shrunk")]
    for found in told:
        if found:
            yield _wrapped(found["sentence"], 4)
    if numbers["lexicons"]:
        yield _wrapped(f"Under every lexicon: {'; '.join(map(_lexicon, numbers['lexicons']))}.", 4)
    if numbers["retrospective"]:
        yield f"    criteria written after the fact: {numbers['retrospective']} of {numbers['scored']}"


def _lexicon(row: dict[str, Any]) -> str:
    if row["brier"] is None:
        return f"{row['lexicon']} reads none"
    read = f"{row['lexicon']} {row['brier']:.3f} over {row['forecasts']} of {row['worded']}"
    return f"{read} (as registered {row['brier_as_registered']:.3f})"


def _phrases(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        taken = f"{row['lexicon']} takes it as {row['low']:.0%} to {row['high']:.0%}"
        sure = f", 95 % {share(row['interval'][0])} to {share(row['interval'][1])}" if row["interval"] else ""
        yield f"  {row['phrase']!r}: said {row['n']} times, happened {row['happened']}{sure}; {taken}"


def _withheld(numbers: dict[str, Any]) -> Iterator[str]:
    if numbers["scored"] and numbers["withheld"]:
        yield "Not shown (broad):"
        for found in numbers["withheld"]:
            yield _wrapped(found["sentence"], 2)


def _statement(statement: dict[str, Any]) -> Iterator[str]:
    span = f"{statement['start']}-{statement['end']}"
    via = f", reported by {statement['reported_via']}" if statement["reported_via"] else ""
    yield f"{statement['id']}  {statement['article']} {span}, part {statement['part']}{via}"
    if statement["quotation"]:
        yield _wrapped(f"Quoted: {statement['quotation']}", 2)
    else:
        yield _wrapped(f"In our words: {statement['claim']}", 2)
    for line in disclosures.statement_lines(statement):
        yield _wrapped(line, 2)
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
    if forecast["readings"]:
        beside = (f"{row['lexicon']} {row['low']:.0%} to {row['high']:.0%}" for row in forecast["readings"])
        yield _wrapped(f"Beside it: {', '.join(beside)}", 4)
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
    if forecast["evidence_redacted"]:
        yield _wrapped(f"It was {forecast['evidence_redacted']}", 4)
    for name, found in forecast["scores"].items():
        told = f"Brier {found['brier']:.4f}" if found["brier"] is not None else f"not scored: {found['reason']}"
        yield _wrapped(f"{name}: {told}", 4)


def _happened(start: str | None, end: str | None) -> str:
    if start is None:
        return ""
    return f" on {start}" if end in (None, start) else f" between {start} and {end}"


def _board(board: Board) -> Iterator[str]:
    yield _wrapped(board["sentence"])
    if board["replay"]:
        yield _wrapped(board["replay"])
    for row in board["ranked"]:
        ranks = f"{row['best_rank']} to {row['worst_rank']}"
        size = f"{plural(row['scored'], 'claim')} in {plural(row['clusters'], 'group')}"
        yield f"  {ranks:>8}  {row['name']} ({_kind(row)}): {score(row['brier'])} over {size}"
        if row["written_after"]:
            yield f"            {row['written_after']}"
    ordered, unordered = _split(board)
    for pair in ordered:
        yield _wrapped(pair["sentence"], 2)
    if len(unordered) > _MOST_PAIRS:
        yield _wrapped(f"{len(unordered)} of {len(board['pairs'])} pairs cannot be ordered; --json gives each.", 2)
    else:
        for pair in unordered:
            yield _wrapped(pair["sentence"], 2)
    if board["cannot_be_ranked"]:
        yield ""
        yield "Cannot be ranked:"
    for row in board["cannot_be_ranked"]:
        reasons = "; ".join(reason["sentence"] for reason in row["reasons"])
        yield _wrapped(f"{row['name']} ({_kind(row)}): {reasons}.", 2)
    yield ""
    yield f"{board['scale']}. Only the {board['policy']} policy ranks."


def _kind(row: dict[str, Any]) -> str:
    """Return what somebody on the board is, and where the record stands unless it is simply published."""
    return row["kind"] if row["publication"] == "published" else f"{row['kind']}; {row['publication']}"


def _split(board: Board) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the pairs that are ordered, or were but for a lexicon, and the rest."""
    told = [pair for pair in board["pairs"] if pair["better"] or pair["flips_under"]]
    return told, [pair for pair in board["pairs"] if pair not in told]


def _wrapped(text: str, indent: int = 0) -> str:
    space = " " * indent
    return fill(text, _WIDTH, initial_indent=space, subsequent_indent=space + "  " if indent else "")
