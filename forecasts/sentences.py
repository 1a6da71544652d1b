"""The sentences a reader sees for the codes of policy, gates, ranks and numbers: in one place, and plain.

No sentence says more than its number: "inside the band" is no praise, and a rank not earned is not hinted at.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecasts.ledger import Replay

SCALE = "Brier score, 0 to 1, lower is better; always saying 50 % scores 0.25"
BASIS_WORDS = {
    "stated": "a number the author stated",
    "lexicon": "words, as readers take them",
    "coder": "our reading; the author gave no number and no graded word",
}
ITEM_WORDS = {
    "interval": "An interval around the mean",
    "calibration-in-the-large": "A test of whether as much happened as was said",
    "spiegelhalter": "A test of the score against its own expectation (Spiegelhalter's)",
    "shrunk": "An estimate drawn towards other authors",
    "corp-curve": "A calibration curve with its band",
    "binned-table": "A table of what was said and what happened, in ten bins",
    "corrected-decomposition": "The score split into reliability, resolution and uncertainty",
    "rank": "A rank",
}
METHOD_WORDS = {
    "complete": "all of the articles there were",
    "random": "articles drawn at random",
    "hand-picked": "articles picked by hand",
}
STATUS_WORDS = {
    "ok": "read, and not much smaller than before",
    "empty": "no rows or a blank value, which proves nothing",
    "throttled": "the source asked us to wait",
    "malformed": "a page or garbage instead of an answer",
    "skewed": "the source's clock is too far from ours",
    "error": "no complete answer",
}
ALARM_WORDS = {
    "shrunk": "it lost more rows than a sound source loses",
    "lagging": "it lags more than the criteria that read it allow",
}
OBSTACLE_WORDS = {
    "placeholder": "stands for the unknown author of one article, and unknown authors are not compared",
    "anonymous": "is anonymous and may be several people, and unknown authors are not compared",
    "nothing-strict": "no claim that counts under the strict policy has come out yet",
    "hand-picked": "the articles were picked by hand, so that what was looked at may depend on how it came out",
    "alone": "there is nobody else to be compared with",
    "not-comparable": "too few questions are shared with anybody who may be ranked, and too few claims have a "
    "registered reference",
}


def plural(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> plural(1, "claim"), plural(2, "claim")
    ('1 claim', '2 claims')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """Return words as a list in a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def share(value: float) -> str:
    """Return a share in whole per cent, never 0 or 100 by rounding.

    >>> share(0.234), share(0.001), share(0.999), share(1.0)
    ('23 %', 'less than 1 %', 'more than 99 %', '100 %')
    """
    if 0 < value < 0.01:
        return "less than 1 %"
    if 0.99 < value < 1:
        return "more than 99 %"
    return f"{value:.0%}".replace("%", " %")


def score(value: float) -> str:
    """Return a score, or a difference of scores with its sign.

    >>> score(0.1234), score(-0.1234)
    ('0.123', '\u22120.123')
    """
    return f"{value:.3f}".replace("-", "\u2212")


def replay(run: "Replay | None") -> str | None:
    """Return the sentence every view of a replayed registry shows."""
    if run is None:
        return None
    return (
        f"Replayed: the checks ran under a simulated clock from {run.starts_at:%Y-%m-%d} "
        f"to {run.ends_at:%Y-%m-%d}; nothing here was registered before the events."
    )


def verdict(
    name: str, broad: Mapping[str, Any], *, picked: bool, corrected: bool = False, past_only: bool = False
) -> str:
    """Return the one sentence on an author that is true at this number of claims.

    `corrected` says that all that was charged to them has been corrected, `past_only` that what came out before
    its deadline is not counted.
    """
    if corrected:
        return f"What was charged to {name} here has been corrected; nothing here is charged to {name} now."
    if broad["scored"] == 0:
        past = "is past its deadline and" if past_only else "has been"
        return f"Nothing {name} said here {past} scored yet."
    size = f"{plural(broad['scored'], 'scored claim')} in {plural(broad['clusters'], 'independent group')}"
    read = _readings(name, broad["by_basis"]["coder"], broad["scored"])
    if broad["sample"] == "too-few":
        return (
            f"Too few to judge: {size}.{read} The mean below is of these claims, not of {name}; "
            f"no rank, no curve and no interval follow from it."
        )
    told = f"{size}: {_against_half(broad['interval'])}.{read}"
    if picked:
        told += f" The articles were picked by hand: every number is of these claims, not of {name}."
    return told


def _readings(name: str, ours: int, scored: int) -> str:
    """Return, after a blank, how many probabilities are our reading and so no number of the author's.

    >>> _readings("Ada", 2, 3), _readings("Ada", 1, 1), _readings("Ada", 0, 3)
    (" 2 of the 3 probabilities are our reading, not Ada's.", " The probability is our reading, not Ada's.", '')
    """
    if ours == 0:
        return ""
    if scored == 1:
        return f" The probability is our reading, not {name}'s."
    if ours == scored:
        return f" All {scored} probabilities are our reading, not {name}'s."
    return f" {ours} of the {scored} probabilities {'is' if ours == 1 else 'are'} our reading, not {name}'s."


def _against_half(interval: list[float]) -> str:
    """Return what an interval of the mean Brier score says beside 0.25, which always saying 50 % scores.

    >>> _against_half([0.1, 0.3])
    'these claims do not tell the author from somebody who always says 50 %'
    """
    low, high = interval
    if low <= 0.25 <= high:
        return "these claims do not tell the author from somebody who always says 50 %"
    than = "better" if high < 0.25 else "worse"
    return f"{than} than always saying 50 %, by more than chance explains; how much {than} is uncertain"


def headline(numbers: Mapping[str, Any]) -> str | None:
    """Return what the mean says beside always saying 50 % and the base rate; None without a scored claim."""
    if not numbers["scored"]:
        return None
    if numbers["interval"]:
        low, high = numbers["interval"]
        inside = low <= 0.25 <= high
        told = f"95 % interval {score(low)} to {score(high)}: 0.25, which always saying 50 % scores, lies "
        told += "inside it, so that chance alone may have made the difference." if inside else "outside it."
    else:
        apart = numbers["brier"] - 0.25
        nearer = "the same as" if apart == 0 else f"{score(abs(apart))} {'below' if apart < 0 else 'above'}"
        told = (
            f"No interval: it needs {plural(numbers['interval_needs'], 'independent group')}, and there "
            f"{'is' if numbers['clusters'] == 1 else 'are'} {numbers['clusters']}. The mean is {nearer} what "
            f"always saying 50 % scores (0.25); with so few groups chance alone may have made that."
        )
    return (
        f"{told} Counting each group once, the answer was yes in {share(numbers['base_rate'])}: saying so each "
        f"time would have scored {score(numbers['base_rate_brier'])}, but nobody could know it before."
    )


def chosen(name: str, methods: Iterable[str]) -> str | None:
    """Return what the choice of articles means for every number; None where there is no article."""
    found = sorted(set(methods))
    if not found:
        return None
    how = f"The claims come from {listed(METHOD_WORDS[method] for method in found)}."
    if "hand-picked" not in found:
        return how
    return (
        f"{how} Every number here is of these claims, not of {name}: whoever picks articles may pick misses or "
        f"hits without meaning to, and that can move a mean further than chance does."
    )


def reference(numbers: Mapping[str, Any]) -> str:
    """Return how the claims did against their reference, and which reference that is."""
    parts = []
    if numbers["registered"]:
        parts.append(f"the probability registered for {plural(numbers['registered'], 'claim')}")
    if numbers["uninformed"]:
        parts.append(f"always 50 %, which knows nothing, for {plural(numbers['uninformed'], 'claim')}")
    difference = numbers["difference"]
    if difference == 0:
        told = "The same score as the reference"
    else:
        told = f"{score(abs(difference))} {'better' if difference < 0 else 'worse'} than the reference"
    told += f", which scores {score(numbers['brier'])}: {listed(parts)}."
    if numbers["interval"]:
        low, high = numbers["interval"]
        told += (
            f" Over groups the difference is {score(numbers['over_clusters'])}, "
            f"95 % interval {score(low)} to {score(high)} (below zero is better)."
        )
        if low <= 0 <= high:
            told += " Zero lies inside: chance alone may have made it."
    else:
        told += " There are too few groups to say more: chance alone may have made it."
    return told


def maturity(numbers: Mapping[str, Any]) -> str | None:
    """Return where the mean would end if what is open all came out one way; None where nothing is open."""
    if not numbers["open"]:
        return None
    told = (
        f"{plural(numbers['open'], 'claim')} of {numbers['counted']} that count still open"
        f"{', ' + str(numbers['overdue']) + ' of them past the deadline' if numbers['overdue'] else ''}. "
        f"If every open one came out for the author, the mean Brier score would end at {score(numbers['best'])}; "
        f"if every one came out against, at {score(numbers['worst'])}. Neither is a forecast of ours."
    )
    if numbers["early"]:
        told += (
            f" {numbers['early']} of the scored came out before the deadline: what comes true is settled sooner "
            f"than what does not"
        )
        told += (
            f"; over those past their deadline the mean is {score(numbers['matured'])}."
            if numbers["past"]
            else "."
        )
    return told


def wording(numbers: Mapping[str, Any]) -> str:
    """Return what the wording interval says and does not."""
    return (
        f"{plural(numbers['forecasts'], 'worded claim')}: {score(numbers['at_median'])} at the median reading; "
        f"{share(numbers['coverage'])} of readings, one for each phrase, lie between {score(numbers['lower'])} "
        f"and {score(numbers['upper'])}; at the ends of every range, {score(numbers['best'])} to "
        f"{score(numbers['worst'])}. This scores how readers take the words, not what the author had in mind, "
        f"and has nothing to do with the accident of which claims were looked at."
    )


def in_the_large(numbers: Mapping[str, Any]) -> str:
    """Return whether as much happened as was said."""
    return (
        f"Said {share(numbers['said'])} on average, happened {share(numbers['happened'])}. "
        f"{_chance(numbers)}{_not_stated(numbers)}"
    )


def spiegelhalter(numbers: Mapping[str, Any]) -> str:
    """Return whether the score is what such probabilities promise."""
    off = numbers["difference"]
    told = "the score these probabilities promise if they are right"
    first = f"{score(abs(off))} {'worse' if off > 0 else 'better'} than {told}." if off else f"Just {told}."
    return f"{first} {_chance(numbers)}{_not_stated(numbers)}"


def _chance(numbers: Mapping[str, Any]) -> str:
    return (
        f"Counting groups, not claims, in {share(numbers['p_value'])} of such samples an author whose "
        f"probabilities are right would be off by as much or more."
    )


def _not_stated(numbers: Mapping[str, Any]) -> str:
    """Return how many of the probabilities the author never said."""
    if not numbers["not_stated"]:
        return ""
    return f" {numbers['not_stated']} of the {numbers['forecasts']} numbers stand for words or are our reading."


def curve(numbers: Mapping[str, Any]) -> str:
    """Return what the curve and its band say; staying inside is no praise."""
    holds = f"the band that holds the whole curve of {share(numbers['coverage'])} of calibrated authors"
    of = f"The curve of {plural(numbers['forecasts'], 'claim')} with a stated number"
    if not numbers["inside"]:
        return (
            f"{of} leaves {holds}. As much miscalibration as here is seen in {share(numbers['p_value'])} of "
            f"samples from calibrated authors."
        )
    return (
        f"{of} stays inside {holds}. That does not show calibration: with these claims an author of whose "
        f"“90 %” only 74 % happen would have been noticed in {share(numbers['power'])} of cases."
    )


def shrunk(name: str, numbers: Mapping[str, Any]) -> str:
    """Return the estimate drawn towards the mean of all authors."""
    return (
        f"Difference to the reference {score(numbers['mean'])}; drawn towards the mean of {numbers['authors']} "
        f"authors ({score(numbers['common_mean'])}) it is {score(numbers['shrunk'])}; "
        f"the own mean of {name} counts {share(numbers['weight'])} in that."
    )


def ranking(name: str, obstacles: list[str]) -> str:
    """Return whether an author has what a rank needs."""
    if obstacles:
        return f"{name} cannot be ranked: {'; '.join(obstacles)}."
    return f"{name} has what a rank needs; the leaderboard says against whom it can be given."


def usable(there: int, needs: int) -> str:
    """Return why an author's claims are too few for a rank."""
    return (
        f"{plural(there, 'independent group')} of claims that count, came out, are past their deadline, were not "
        f"picked by hand and had their criteria in advance; a rank needs {needs}"
    )


def written_after(left_out: int, of: int) -> str:
    """Return how many claims no rank may rest on because their criteria were written after the fact.

    >>> written_after(3, 12)
    'criteria written after the fact: 3 of 12 claims left out'
    """
    return f"criteria written after the fact: {left_out} of {plural(of, 'claim')} left out"


def board(ranked: int, ordered: int, alpha: float) -> str:
    """Return how far the ranks of a leaderboard can be trusted."""
    if not ranked:
        return "Nobody can be ranked on what is registered here; each author below stands with the reason."
    if not ordered:
        return (
            f"{plural(ranked, 'author')} can be compared, and no order among them can be told from chance: "
            f"each may have any rank."
        )
    return (
        f"A rank is a range: 1 to {ranked} means that nothing is known. All orders hold together: the chance "
        f"that any of them is false is at most {share(alpha)}."
    )


def pair(first: str, second: str, found: Mapping[str, Any]) -> str:
    """Return who of two authors is ranked above the other, or why neither is."""
    groups = plural(found["clusters"], "shared group") + " of questions"
    above = {"first": (first, second), "second": (second, first)}.get(found["better"] or found["leads"] or "")
    if found["better"] and above:
        how = (
            f"lower scores on {groups}"
            if found["on"] == "shared questions"
            else "further below the references registered for the questions of each"
        )
        under = f", and also under {listed(found['lexicons'])}" if found["lexicons"] else ""
        return f"{above[0]} is ranked above {above[1]}: {how}{under}."
    cannot = f"Cannot rank {first} above {second}, or {second} above {first}"
    if found["flips_under"] and above:
        return (
            f"{cannot}: {above[0]} leads on the words as registered, but not under {listed(found['flips_under'])}."
        )
    if found["on"] == "shared questions":
        return f"{cannot}: the difference on {groups} may be chance."
    if found["on"] == "references":
        return f"{cannot}: the difference of their differences to the references may be chance."
    return f"{cannot}: {groups}, and a comparison needs {found['needs']}."


def too_few(needs: int, there: int, what: str = "independent group", *, of: str = "") -> str:
    """Return why a number is not shown: what it needs, and what there is.

    >>> too_few(30, 7, of=" of stated numbers")
    'not shown: needs 30 independent groups of stated numbers, there are 7'
    """
    return f"not shown: needs {plural(needs, what)}{of}, there {'is' if there == 1 else 'are'} {there}"
