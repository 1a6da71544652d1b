"""Proposing, confirming, disputing, annulling and reopening outcomes."""

from pathlib import Path
from typing import Annotated, Any

import typer

from forecasts.commands.shared import (
    ActorOption,
    JsonOption,
    ReasonOption,
    actor_name,
    instant,
    opened,
    print_json,
    services,
)
from forecasts.errors import InvalidInputError

question_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Propose, confirm, dispute, annul or reopen an outcome."
)

QuestionArgument = Annotated[str, typer.Argument(help="A question's id, or the beginning of one.")]


@question_app.command()
def propose(
    ctx: typer.Context,
    question: QuestionArgument,
    outcome: Annotated[str, typer.Argument(help="yes, no, ambiguous or annulled.")],
    citation: Annotated[str, typer.Option("--citation", help="Where it can be checked: source and date.")],
    reason: ReasonOption,
    occurred_at: Annotated[str | None, typer.Option("--occurred-at", help="When it happened.")] = None,
    occurred_until: Annotated[
        str | None, typer.Option("--occurred-until", help="For a day: where it ends.")
    ] = None,
    evidence: Annotated[Path | None, typer.Option("--evidence", help="A file to archive with it.")] = None,
    as_json: JsonOption = False,
    actor: ActorOption = None,
) -> None:
    """Propose an outcome; somebody else confirms it when the dispute window has passed."""
    from typing import get_args

    from forecasts import registry
    from forecasts.model import Outcome
    from forecasts.registering import interval_of

    if outcome not in get_args(Outcome):
        raise InvalidInputError(f"An outcome is {', '.join(get_args(Outcome))}, not {outcome!r}.")
    try:
        archived = (evidence.read_bytes(), "application/octet-stream") if evidence else None
    except OSError as error:
        raise InvalidInputError(f"{evidence} cannot be read ({error.strerror}).") from None
    with opened(ctx) as store:
        step = registry.propose(
            store,
            question,
            outcome,  # type: ignore[arg-type]  # checked above
            actor=actor_name(ctx, actor),
            citation=citation,
            reason=reason,
            window=services(ctx).settings().dispute_window,
            occurred=interval_of(
                instant(occurred_at, "--occurred-at") if occurred_at else None,
                instant(occurred_until, "--occurred-until") if occurred_until else None,
            ),
            evidence=archived,
        )
    print_step(step, as_json=as_json)


@question_app.command()
def confirm(
    ctx: typer.Context, question: QuestionArgument, as_json: JsonOption = False, actor: ActorOption = None
) -> None:
    """Confirm a person's proposal: by somebody else, after the dispute window."""
    from forecasts import registry

    with opened(ctx) as store:
        print_step(registry.confirm(store, question, actor=actor_name(ctx, actor)), as_json=as_json)


def print_step(step: Any, *, as_json: bool) -> None:
    """Print the step a question took."""
    if as_json:
        fields = {"resolution": step.public_id, "state": step.state, "outcome": step.outcome, "rule": step.rule}
        print_json({**fields, "closes_at": step.closes_at.isoformat() if step.closes_at else None})
        return
    until = f"; it may be disputed until {step.closes_at:%Y-%m-%d %H:%M} UTC" if step.closes_at else ""
    typer.echo(f"{step.public_id}: {step.state} {step.outcome or ''}".rstrip() + until)


_MOVES = {
    "dispute": "Dispute a proposed outcome; a second ruling has to follow, by somebody else.",
    "annul": "Annul a broken question; it is never scored.",
    "reopen": "Take a proposal or resolution back; what hangs on it follows.",
}


def _add_move(name: str, words: str) -> None:
    """Add a command that moves a question by a use case of its name and a reason."""

    @question_app.command(name, help=words)
    def move(
        ctx: typer.Context,
        question: QuestionArgument,
        reason: ReasonOption,
        as_json: JsonOption = False,
        actor: ActorOption = None,
    ) -> None:
        from forecasts import registry

        with opened(ctx) as store:
            step = getattr(registry, name)(store, question, reason=reason, actor=actor_name(ctx, actor))
        print_step(step, as_json=as_json)


for _name, _words in _MOVES.items():
    _add_move(_name, _words)
