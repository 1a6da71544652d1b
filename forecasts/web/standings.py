"""The leaderboard in pages: however many authors and pairs there are, a page holds fifty of each."""

from forecasts.errors import NotFoundError
from forecasts.leaderboard import Board
from forecasts.web.lists import PAGE, page_of
from forecasts.web.views import View


def board_view(board: Board, page: int, others: int, *, whole: bool = False) -> View:
    """Return a page of those who are ranked and one of those who are not; with `whole`, all of them."""
    size = max(PAGE, len(board["ranked"]), len(board["cannot_be_ranked"])) if whole else PAGE
    told = [pair for pair in board["pairs"] if pair["better"] or pair["flips_under"]]
    unranked = page_of(board["cannot_be_ranked"], others, size=size, name="others")
    return {
        **_notes(board),
        "ranked": page_of(board["ranked"], page, size=size),
        "names": {row["slug"]: row["name"] for row in board["ranked"]},
        "told": told,
        "untold": [pair for pair in board["pairs"] if not pair["better"] and not pair["flips_under"]],
        "unranked": unranked,
        "others": unranked,
    }


def standing_view(board: Board, slug: str, page: int, pairs: int) -> View:
    """Return one author with a page of the rows behind the score and one of the pairs, or why there is no rank.

    Raises `NotFoundError` for an author who is not on the leaderboard.
    """
    everybody = [*board["ranked"], *board["cannot_be_ranked"]]
    found = next((row for row in everybody if row["slug"] == slug), None)
    if found is None:
        raise NotFoundError(f"There is no author {slug!r} on the leaderboard.")
    mine = [pair for pair in board["pairs"] if slug in pair["authors"]]
    mine.sort(key=lambda pair: not (pair["better"] or pair["flips_under"]))
    return {
        **_notes(board),
        "path": f"/leaderboard/{slug}",
        "row": found,
        "ranked": len(board["ranked"]),
        "reasons": found.get("reasons", []),
        "rows": page_of(found.get("rows", []), page),
        "pairs": page_of(mine, pairs, name="pairs"),
    }


def _notes(board: Board) -> View:
    return {"board": board, "replay": board["replay"], "drafts": board["include_drafts"]}
