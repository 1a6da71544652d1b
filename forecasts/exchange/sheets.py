"""A report and the leaderboard as rows of a spreadsheet."""

from collections.abc import Iterator
from typing import Any

from forecasts.exchange.export import Record, table
from forecasts.leaderboard import Board
from forecasts.policy import POLICIES
from forecasts.reports import Report

_STATEMENT = (
    "article",
    "start",
    "end",
    "part",
    "stated_by",
    "reported_via",
    "quotation",
    "claim",
    "hedge_phrase",
    "stated_earliest",
    "stated_latest",
    "kind",
    "checkability",
    "checkability_reason",
    "second_coding",
    "second_coding_note",
)
_FORECAST = (
    "question",
    "title",
    "asserts",
    "probability",
    "low",
    "high",
    "basis",
    "phrase",
    "lexicon",
    "deadline",
    "deadline_basis",
    "cluster",
    "retrospective",
    "state",
    "outcome",
    "occurred_at",
    "occurred_until",
    "how",
    "why",
    "citation",
    "evidence_sha256",
    "evidence_redacted",
)


def claims_csv(report: Report) -> str:
    """Return the claims of a report with their five facts as CSV: a row for each forecast or claim without."""
    return table(list(_claims(report)), ("statement", *_STATEMENT, "forecast", *_FORECAST))


def _claims(report: Report) -> Iterator[Record]:
    for statement in report["statements"]:
        for forecast in statement["forecasts"] or [{}]:
            row: Record = {"statement": statement["id"]} | {field: statement[field] for field in _STATEMENT}
            row |= {"forecast": forecast.get("id")} | {field: forecast.get(field) for field in _FORECAST}
            for name in POLICIES:
                score: dict[str, Any] = forecast.get("scores", {}).get(name, {})
                row |= {f"brier_{name}": score.get("brier"), f"not_scored_{name}": score.get("reason")}
            record = statement["publication"]
            yield row | {
                "publication": record["label"],
                "publication_note": record["note"],
                "note": report["replay"],
            }


def leaderboard_csv(board: Board) -> str:
    """Return the leaderboard as CSV: a row for each author, those who cannot be ranked with the reasons."""
    return table(list(_authors(board)), ("slug", "name", "kind", "best_rank", "worst_rank"))


def _authors(board: Board) -> Iterator[Record]:
    for row in (*board["ranked"], *board["cannot_be_ranked"]):
        reasons = [reason["sentence"] for reason in row.get("reasons", [])]
        yield {
            "slug": row["slug"],
            "name": row["name"],
            "kind": row["kind"],
            "best_rank": row.get("best_rank"),
            "worst_rank": row.get("worst_rank"),
            "ranked_above": " ".join(row.get("ranked_above", [])),
            "scored": row.get("scored"),
            "clusters": row.get("clusters"),
            "brier": row.get("brier"),
            "publication": row["publication"],
            "left_out": row.get("written_after"),
            "cannot_be_ranked_because": "; ".join(reasons) or None,
            "note": board["replay"],
        }
