"""The state machine of a question, step by step inside one transaction.

OPEN -> PROPOSED -> CONFIRMED -> REOPENED -> ..., or PROPOSED -> DISPUTED -> a second ruling. Every step is
appended. What hangs on a question follows it at once, and the scores that follow from a resolution are
written with it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, Protocol

from sqlalchemy import bindparam
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from forecasts.decide import RULE_VERSION, Verdict, Window
from forecasts.model import PPM, Interval, Outcome, QuestionState, ResolutionState
from forecasts.policy import POLICIES, Claim, came_too_late, exclusions
from forecasts.registering import public_id
from forecasts.store import Transaction
from forecasts.tables import Forecast, Question, QuestionResource, Resolution, Resource, Score, Statement

CRITERION_RULE = f"criterion/{RULE_VERSION}"
CONDITION_RULE = "condition"
RULING_RULE = "ruling"
SECOND_RULING_RULE = "second-ruling"
ANNULMENT_RULE = "annulment"


class Asked(Protocol):
    """A question, as far as its window goes."""

    @property
    def opens_at(self) -> datetime:
        """The start of the window."""

    @property
    def opens_latest(self) -> datetime:
        """From when on it is sure that the statement came before."""

    @property
    def deadline(self) -> datetime:
        """The end of the window."""

    @property
    def condition_outcome(self) -> str | None:
        """The outcome its condition must have."""


class Deciding(Protocol):
    """A check, as far as a step refers to it."""

    @property
    def id(self) -> int:
        """The row id."""

    @property
    def evidence_sha256(self) -> str | None:
        """The archived bytes."""


ConditionStatus = Literal["none", "open", "met", "failed"]


def current_step(session: Session, question: Question) -> Resolution | None:
    """Return the latest step in the resolution of a question."""
    return session.exec(
        select(Resolution)
        .where(Resolution.question_id == question.id)
        .order_by(col(Resolution.step).desc())
        .limit(1)
    ).first()


def proposal_before(session: Session, step: Resolution) -> Resolution:
    """Return the proposal that a step confirms, or the step itself where it is one."""
    return session.exec(
        select(Resolution)
        .where(
            Resolution.question_id == step.question_id,
            Resolution.state == "proposed",
            col(Resolution.step) <= step.step,
        )
        .order_by(col(Resolution.step).desc())
        .limit(1)
    ).one()


def reversals(session: Session) -> int:
    """Return how many confirmed resolutions were reopened."""
    before = aliased(Resolution)
    of_same = (col(before.question_id) == Resolution.question_id) & (col(before.step) == Resolution.step - 1)
    query = select(func.count()).select_from(Resolution).join(before, of_same)
    reopened = col(Resolution.outcome).is_(None)  # of these there is an index
    return session.exec(query.where(reopened, before.state == "confirmed")).one()


def latest_steps(session: Session, question_ids: Iterable[int]) -> dict[int, Resolution]:
    """Return the latest step of each of these questions that has one."""
    found = session.exec(_latest_steps(), params={"questions": list(question_ids)}).all()
    return {step.question_id: step for step in found}


@cache  # building it costs more than running it
def _latest_steps() -> Any:
    latest = (
        select(Resolution.question_id, func.max(Resolution.step).label("step"))
        .where(col(Resolution.question_id).in_(bindparam("questions", expanding=True)))
        .group_by(col(Resolution.question_id))
        .subquery()
    )
    return select(Resolution).join(
        latest, (latest.c.question_id == Resolution.question_id) & (latest.c.step == Resolution.step)
    )


def state_of(step: Resolution | None) -> QuestionState:
    """Return the state a question is in after its latest step."""
    if step is None or step.state == "reopened":
        return "open"
    return step.state  # type: ignore[return-value]  # CHECK allows only the states


def correction_in(step: Resolution) -> str | None:
    """Return in words what a step corrects; None for one that only goes on."""
    if step.state in ("reopened", "disputed"):
        return f"{step.state.capitalize()}"
    if step.rule == SECOND_RULING_RULE and step.state == "proposed":
        return "Ruled on a second time"
    return "Annulled by hand" if step.rule == ANNULMENT_RULE else None


def append_step(
    tx: Transaction,
    question: Question,
    state: ResolutionState,
    outcome: Outcome | None,
    *,
    rule: str,
    reason: str,
    closes_at: datetime | None = None,
    citation: str | None = None,
    check: Deciding | None = None,
    evidence_sha256: str | None = None,
    occurred: Interval | None = None,
    knowable_at: datetime | None = None,
) -> Resolution:
    """Append one step; a confirmed yes or no is scored, and the questions that hang on this one follow."""
    before = current_step(tx.session, question)
    number = before.step + 1 if before else 1
    step: Resolution = tx.append(
        Resolution(
            public_id=public_id("r", question.public_id, number),
            question_id=question.id,
            step=number,
            state=state,
            outcome=outcome,
            rule=rule,
            reason=reason,
            citation=citation,
            actor_id=tx.actor_id,
            decided_at=tx.now,
            closes_at=closes_at,
            check_id=check.id if check else None,
            evidence_sha256=evidence_sha256 or (check.evidence_sha256 if check else None),
            occurred_at=occurred.start if occurred else None,
            occurred_until=occurred.end if occurred else None,
            knowable_at=knowable_at,
            rev=tx.rev,
        )
    )
    if state == "confirmed":
        score_question(tx, question, step)
    if state in ("confirmed", "reopened"):
        _follow(tx, question)
    return step


def occurrence(step: Resolution) -> Interval | None:
    """Return when the deciding event occurred, where there was one."""
    if step.occurred_at is None or step.occurred_until is None:
        return None
    return Interval(step.occurred_at, step.occurred_until)


def confirm_step(
    tx: Transaction, question: Question, proposal: Resolution, *, check: Deciding | None = None
) -> Resolution:
    """Confirm a proposal as it stands; `check` is the one that decided again at the end of the window."""
    return append_step(
        tx,
        question,
        "confirmed",
        proposal.outcome,  # type: ignore[arg-type]  # CHECK allows only the outcomes
        rule=proposal.rule,
        reason=proposal.reason,
        citation=proposal.citation,
        check=check,
        evidence_sha256=check.evidence_sha256 if check else proposal.evidence_sha256,
        occurred=occurrence(proposal),
        knowable_at=proposal.knowable_at,
    )


def reopen_step(
    tx: Transaction, question: Question, *, rule: str, reason: str, check: Deciding | None = None
) -> Resolution:
    """Take a proposal or resolution back, and have checked again what nothing asked for any more."""
    asleep = (
        select(Resource)
        .join(QuestionResource, col(QuestionResource.resource_id) == col(Resource.id))
        .where(QuestionResource.question_id == question.id, col(Resource.next_due).is_(None))
    )
    for resource in tx.session.exec(asleep).all():
        resource.next_due = tx.now
        tx.session.add(resource)
    return append_step(tx, question, "reopened", None, rule=rule, reason=reason, check=check)


# -- what a verdict moves ------------------------------------------------------------------------------------


def is_moved(step: Resolution | None, verdict: Verdict) -> bool:
    """Whether what a criterion says moves a question that is at `step`.

    A machine moves only what a machine decided: rulings, disputes and annulments are left to people.
    """
    if step is None or step.state == "reopened":
        return verdict.value != "unknown"
    if step.rule != CRITERION_RULE or step.state == "disputed":
        return False
    return step.outcome != verdict.value or occurrence(step) != verdict.occurred


def apply_verdict(
    tx: Transaction,
    question: Question,
    step: Resolution | None,
    verdict: Verdict,
    check: Deciding,
    *,
    closes_at: datetime,
) -> Resolution | None:
    """Move a question, now at `step`, by what its criterion says at a sound check; return the step taken."""
    if not is_moved(step, verdict):
        return None
    if step is not None and step.state != "reopened":
        change = "dates it anew" if step.outcome == verdict.value else f"no longer supports {step.outcome}"
        reason = f"the source {change}: {verdict.reason}"
        step = reopen_step(tx, question, rule=CRITERION_RULE, reason=reason, check=check)
    else:
        step = None
    if verdict.value == "unknown":
        return step
    return append_step(
        tx,
        question,
        "proposed",
        verdict.value,
        rule=CRITERION_RULE,
        reason=verdict.reason,
        closes_at=closes_at,
        check=check,
        occurred=verdict.occurred,
        knowable_at=verdict.knowable_at,
    )


# -- conditions ----------------------------------------------------------------------------------------------


def condition_status(session: Session, question: Question) -> ConditionStatus:
    """Return how the condition of a question stands: none, open, met or failed."""
    if question.condition_id is None:
        return "none"
    step = current_step(session, session.get_one(Question, question.condition_id))
    if step is None or step.state != "confirmed":
        return "open"
    return "met" if step.outcome == question.condition_outcome else "failed"


def condition_proposed_in(session: Session, question: Question) -> int:
    """Return the revision since which a condition has been met when it is now; 0 where there is none."""
    if question.condition_id is None:
        return 0
    step = current_step(session, session.get_one(Question, question.condition_id))
    return proposal_before(session, step).rev if step is not None else 0


def effective_window(question: Asked, parent: Asked | None, parent_step: Resolution | None) -> Window | None:
    """Return the window in which events count; None while the condition is not at least proposed as met.

    Only what happens after the condition was met counts: after its event, or, where it is met by something
    not happening, after its deadline.
    """
    window = Window(question.opens_at, question.opens_latest, question.deadline)
    if parent is None:
        return window
    if parent_step is None or parent_step.outcome != question.condition_outcome:
        return None
    met = occurrence(parent_step)
    if met is None:
        return window.after(parent.deadline)
    # The event that meets the condition does not meet what hangs on it, though an instant has no width.
    return window.after(met.end if met.end > met.start else met.end + timedelta(microseconds=1))


def follow_condition(tx: Transaction, child: Question) -> None:
    """Bring one conditional question in line with its condition."""
    status = condition_status(tx.session, child)
    step = current_step(tx.session, child)
    confirmed = step is not None and step.state == "confirmed"
    if status == "failed" and not confirmed:
        append_step(tx, child, "confirmed", "annulled", rule=CONDITION_RULE, reason="the condition was not met")
    elif status == "open" and confirmed and step is not None and step.rule != ANNULMENT_RULE:
        reopen_step(tx, child, rule=CONDITION_RULE, reason="the condition was reopened")


def _follow(tx: Transaction, parent: Question) -> None:
    children = select(Question).where(Question.condition_id == parent.id).order_by(col(Question.public_id))
    for child in tx.session.exec(children).all():
        follow_condition(tx, child)


# -- scores --------------------------------------------------------------------------------------------------


def brier_e12(probability_ppm: int, outcome: str) -> int:
    """Return the Brier score (p - y)^2 of one forecast times 10^12, an exact integer.

    >>> brier_e12(750_000, "yes"), brier_e12(400_000, "no")
    (62500000000, 160000000000)
    """
    return (probability_ppm - (PPM if outcome == "yes" else 0)) ** 2


def standing_forecasts(session: Session, question: Question) -> list[tuple[Forecast, Statement]]:
    """Return the forecasts on a question that no correction has replaced, withdrawals left out."""
    correction = aliased(Forecast)
    corrected = select(correction.supersedes_id).where(correction.change == "correction")
    query = (
        select(Forecast, Statement)
        .join(Statement, col(Statement.id) == col(Forecast.statement_id))
        .where(Forecast.question_id == question.id, col(Forecast.probability_ppm).is_not(None))
        .order_by(col(Forecast.public_id))
    )
    return list(
        session.exec(
            query.where(col(Forecast.id).not_in(corrected.where(col(correction.supersedes_id).is_not(None))))
        ).all()
    )


def as_claim(forecast: Forecast, statement: Statement) -> Claim:
    """Return what the policy needs to know of a forecast."""
    return Claim(
        id=forecast.public_id,
        author=str(forecast.author_id),
        question=str(forecast.question_id),
        kind=statement.kind,  # type: ignore[arg-type]  # CHECK allows only the kinds
        stated_earliest=forecast.stated_earliest,
        stated_at=forecast.stated_at,
        basis=forecast.basis,  # type: ignore[arg-type]  # CHECK allows only the bases
        bare_modal=forecast.bare_modal,
        excluded_because=forecast.excluded_because,
        checkable=statement.checkability != "no",
    )


def score_question(tx: Transaction, question: Question, step: Resolution) -> None:
    """Append the scores that follow from a confirmed yes or no and are not there yet."""
    if step.outcome not in ("yes", "no"):
        return
    standing = standing_forecasts(tx.session, question)
    occurred = occurrence(step)
    ruled = step.rule != CRITERION_RULE
    for policy in POLICIES:
        reasons = exclusions((as_claim(*pair) for pair in standing), policy)
        for forecast, _ in standing:
            too_late = occurred is not None and came_too_late(
                forecast.stated_earliest, forecast.stated_at, occurred, ruled=ruled
            )
            if reasons[forecast.public_id] is None and not too_late:
                _keep_score(tx, forecast, step, policy)


def score_anew(tx: Transaction, question: Question) -> None:
    """Score what the forecasts on a question have become, where it is resolved already."""
    step = current_step(tx.session, question)
    if step is not None and step.state == "confirmed":
        score_question(tx, question, step)


def _keep_score(tx: Transaction, forecast: Forecast, step: Resolution, policy: str) -> None:
    known = select(Score.id).where(
        Score.forecast_id == forecast.id, Score.resolution_id == step.id, Score.policy == policy
    )
    if tx.session.exec(known).first() is None and forecast.probability_ppm is not None and step.outcome:
        tx.append(
            Score(
                forecast_id=forecast.id,
                resolution_id=step.id,
                policy=policy,
                brier_e12=brier_e12(forecast.probability_ppm, step.outcome),
                rev=tx.rev,
            )
        )
