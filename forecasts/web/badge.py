"""A small picture that says how much there is to go by on an author, with no number that the gates withhold."""

from datetime import datetime

from forecasts.ledger import Ledger
from forecasts.measures.policies import policy_numbers
from forecasts.sentences import plural, score
from forecasts.web.views import View

_CHARACTER = 6.4  # pixels that a character takes at 11 pixels in the mean; the text is fitted to it


def badge_view(ledger: Ledger, slug: str, now: datetime) -> View:
    """Return the words of the badge of an author, and how wide they are: of claims past their deadline alone.

    Raises `NotFoundError` for an author there is not.
    """
    author = ledger.author(slug)
    numbers = policy_numbers(ledger, author, "broad", now)
    groups = plural(numbers["clusters"], "group")
    if not numbers["scored"]:
        words = "nothing scored past its deadline yet"
    elif numbers["interval"] is None:
        words = f"{groups}: too few to judge"
    else:
        low, high = numbers["interval"]
        picked = any(ledger.collection_of(row).method == "hand-picked" for row in ledger.said_by(author))
        words = f"Brier {score(numbers['brier_over_clusters'])} ({score(low)} to {score(high)}), {groups}"
        words += " of picked claims" if picked else ""
    if ledger.run is not None:
        words += ", replayed"
    words += f" · as of {now:%Y-%m-%d}"
    claims = plural(numbers["scored"], "scored claim")
    lower = "; lower is better, 95 % interval of the mean over groups" if numbers["interval"] else ""
    label = "calledit"
    left, right = (round(len(text) * _CHARACTER + 12) for text in (label, words))
    return {
        "title": f"calledit on {author.name}: {claims}; {words}{lower}",
        "label": label,
        "words": words,
        "left": left,
        "right": right,
    }
