"""A statement as it may be printed: one paragraph that stands alone, and what is known of how its record was made.

Nothing here says more than the registry holds: what it does not record is called "not recorded".
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from forecasts import publishing
from forecasts.ledger import Ledger
from forecasts.measures.rows import headline
from forecasts.model import iso
from forecasts.sentences import plural, share
from forecasts.tables import Question, Statement

Fields = dict[str, Any]
NOT_RECORDED = "not recorded"
_CODINGS = {
    "none": ("no", "One person alone read it."),
    "agreed": ("yes, and they agree", "Two people read it, each alone, and found the same."),
    "settled": ("yes, and they differed", "Two people read it, each alone; what they differed on was settled."),
    "one-of-two": (
        "one of two",
        "Two people read the text, each alone, and only one of them saw this claim in it.",
    ),
}
_LONGEST_REPLY = 400
_MIDNIGHT = time()


# -- how the record was made -------------------------------------------------------------------------------------


def made(ledger: Ledger, statement: Statement) -> list[Fields]:
    """Return the answers to: two coders? criteria before outcome? notice sent? Each with what it rests on."""
    return [
        {"question": "Two coders?", **_coders(ledger, statement)},
        {"question": "Criteria before outcome?", **_criteria(ledger, statement)},
        {"question": "Notice sent?", **_notice(ledger, statement)},
    ]


def _coders(ledger: Ledger, statement: Statement) -> Fields:
    if statement.second_coding is None:
        actor = ledger.actors[ledger.revisions[statement.rev].actor_id].name
        return _answer(
            NOT_RECORDED, f"It was registered by {actor}; whether somebody else read it too is not recorded."
        )
    answer, why = _CODINGS[statement.second_coding]
    note = "" if statement.second_coding_note is None else f" {_closed(statement.second_coding_note)}"
    return _answer(answer, f"{why}{note}")


def _criteria(ledger: Ledger, statement: Statement) -> Fields:
    forecasts = ledger.forecasts_by_statement.get(statement.id, [])
    if not forecasts:
        return _answer("none", "No forecast was made from it, so there are no criteria.")
    question = ledger.questions[forecasts[0].question_id]
    if question.retrospective:
        return _answer("no", "The criteria were written after the fact.")
    registered = ledger.revisions[question.rev].recorded_at
    known, what = _knowable(ledger, question)
    if registered < known:
        late = "; it is not decided yet" if ledger.outcome(question.id) == "open" else ""
        return _answer("yes", f"They were registered on {_day(registered)}, before {what} on {_day(known)}{late}.")
    return _answer(
        NOT_RECORDED,
        f"They are registered as written before the fact, but only since {_day(registered)}, after {what}"
        f" on {_day(known)}.",
    )


def _knowable(ledger: Ledger, question: Question) -> tuple[datetime, str]:
    """Return the earliest instant at which the outcome can have been known, and what that was."""
    step = ledger.step(question.id)
    if step is not None and step.state == "confirmed" and step.occurred_at is not None:
        return step.occurred_at, "it occurred"
    return question.deadline, "the deadline"


def _notice(ledger: Ledger, statement: Statement) -> Fields:
    record, note = ledger.record(statement), ledger.note(statement)
    if note == publishing.ADDED:
        return _answer("no", "It was added after notice was given.")
    if record is None or record.state == "draft":
        return _answer("no", "The record is a draft.")
    if record.notice is None:
        return _answer("no", f"{(record.reason or NOT_RECORDED).rstrip('.')}.")
    return _answer("yes", f"{record.notice.rstrip('.')}.")


def _answer(answer: str, why: str) -> Fields:
    return {"answer": answer, "why": why}


# -- the paragraph -----------------------------------------------------------------------------------------------


def paragraph(ledger: Ledger, statement: Statement, entry: Fields, now: datetime, site: str) -> str:
    """Return a statement, from `entries.statement_entry`, as a paragraph to print, with its date and its link.

    The quotation comes before any number, and a number is put down to the author only where it was stated.
    """
    return " ".join(_sentences(ledger, statement, entry, now, site))


def _sentences(ledger: Ledger, statement: Statement, entry: Fields, now: datetime, site: str) -> Iterator[str]:
    author = ledger.authors[statement.stated_by_id]
    article = ledger.articles[ledger.editions[statement.edition_id].article_id]
    if not ledger.is_public(statement):
        yield "DRAFT, NOT FOR PUBLICATION."
    source = f"{article.label}, {article.outlet}" if article.outlet else article.label
    said = f"{author.name} said {_when(statement.stated_earliest, statement.stated_latest)}"
    words = _in_quotes(entry["quotation"])
    ours = f"in our words: {_closed(entry['claim'])}"
    if entry["reported_via"]:  # whose words the passage is in, nobody has recorded
        yield f"{said}, as {entry['reported_via']} reports ({source}), {ours}"
        if words:
            yield f"The passage: {words}"
    elif words:
        yield f"{said}: {words} ({source}). That is, {ours}"
    else:
        yield f"{said} ({source}), {ours} It is not a quotation."
    forecast = next(iter(entry["forecasts"]), None)
    if forecast is None:
        yield f"It was not made a question: {entry['checkability_reason'].rstrip('.')}."
    else:
        yield _how_sure(author.name, forecast, entry["hedge_phrase"])
        yield from _outcome(forecast, now)
    if entry["corrects"]:
        yield f"Our reading of it was corrected on {_day(datetime.fromisoformat(entry['corrects']['at']))}."
    yield _reply(author.name, entry["replies"])
    numbers = headline(ledger, author, "broad", now)
    claims = len(ledger.said_by(author))
    of = "The only claim" if claims == 1 else f"One of {claims} claims"
    picked = ", from an article picked by hand" if ledger.collection_of(statement).method == "hand-picked" else ""
    scored = "none is past its deadline and scored yet"
    if numbers["scored"]:
        groups = plural(numbers["clusters"], "independent group")
        scored = f"{numbers['scored']} past their deadline and scored, in {groups}"
    yield f"{of} of {author.name} on record{picked}; {scored}."
    at = _second(ledger, now)
    yield f"As of {_day(at)}: {site}/statements/{statement.public_id}?as_of={iso(at)}"


def _in_quotes(quotation: str | None) -> str | None:
    """Return a quotation on one line in quotation marks, unless it stands in its own from end to end."""
    if quotation is None:
        return None
    words = " ".join(quotation.split())
    return words if words.startswith("“") and words.endswith("”") else f"“{words}”"


def _closed(text: str) -> str:
    return f"{text.rstrip('.')}."


def _how_sure(name: str, forecast: Fields, hedge: str | None) -> str:
    low, middle, high = (share(forecast[key]) for key in ("low", "probability", "high"))
    said = middle if low == high else f"{low} to {high}"
    if forecast["basis"] == "stated" and forecast["asserts"] == "yes":
        return f"{name} said {said}."
    if forecast["basis"] == "stated":
        return f"{name} said that it would not happen and stated a number, which leaves {said} for it to happen."
    words = f"; the words were “{hedge}”" if hedge else ""
    denied = " and said that it would not happen" if forecast["asserts"] == "no" else ""
    return f"{name} gave no number{denied}{words}."


def _outcome(forecast: Fields, now: datetime) -> Iterator[str]:
    deadline = datetime.fromisoformat(forecast["deadline"])
    at = _day(deadline) if deadline.time() == _MIDNIGHT else f"{deadline:%H:%M} UTC on {_day(deadline)}"
    yield f"The question, to be decided before {at}: {forecast['title']}"
    if forecast["condition"]:
        condition = forecast["condition"]
        yield f"It counts only if the answer is {condition['needs']} to: {condition['title']}"
    outcome = forecast["outcome"]
    if outcome == "open":
        late = " although its deadline has passed" if deadline <= now else ""
        yield f"It is open{late}."
    elif outcome in ("yes", "no"):
        occurred = _occurred(forecast) if outcome == "yes" else ""
        yield f"The answer is {outcome}{occurred}, {forecast['how']}."
    else:
        yield {"annulled": "It was annulled and counts for nothing.", "ambiguous": "The outcome is ambiguous."}[
            outcome
        ]
    if forecast["retrospective"]:
        yield "Its criteria were written after the fact."


def _occurred(forecast: Fields) -> str:
    if forecast["occurred_at"] is None:
        return ""
    start = datetime.fromisoformat(forecast["occurred_at"])
    end = datetime.fromisoformat(forecast["occurred_until"] or forecast["occurred_at"])
    return f", {_when(start, end)}"


def _reply(name: str, replies: list[Fields]) -> str:
    if not replies:
        return "No reply to it is on record."
    text = " ".join(replies[-1]["text"].split())
    if len(text) > _LONGEST_REPLY:
        return f"{name} replied; the reply stands at the address below."
    return f"{name} replied: “{text}”"


def _when(start: datetime, end: datetime) -> str:
    """Return a half-open stretch of time in days."""
    last = max(start, end - timedelta(microseconds=1))
    return f"on {_day(start)}" if start.date() == last.date() else f"between {_day(start)} and {_day(last)}"


def _day(instant: datetime) -> str:
    return f"{instant.day} {instant:%B %Y}"


def _second(ledger: Ledger, now: datetime) -> datetime:
    """Return the instant without its fraction of a second, unless the newest revision lies in that."""
    revision = ledger.revisions.get(ledger.rev)
    whole = now.replace(microsecond=0)
    newest = None if revision is None else revision.simulated_at or revision.recorded_at
    return whole if newest is None or newest <= whole else now
