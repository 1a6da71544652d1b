"""Reading worded forecasts in the newest version of a lexicon.

Registering a version changes nobody's number; adopting it corrects the forecasts that stand under older ones.
"""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy.orm import aliased
from sqlmodel import col, select

from forecasts import resolving
from forecasts.lexicon import find_phrase
from forecasts.registering import latest_lexicon
from forecasts.registry import NewNumber, append_correction
from forecasts.store import Store, Transaction
from forecasts.tables import Forecast, Lexicon, Question


@dataclass(frozen=True, slots=True)
class Adopted:
    """The version adopted, each correction beside what it corrects, and how often each phrase was left."""

    key: str
    version: str
    corrected: list[tuple[Forecast, Forecast]]
    left: dict[str, int]

    @property
    def other_number(self) -> int:
        """How many of the corrected forecasts now have another low, probability or high."""
        return sum(_numbers(new) != _numbers(old) for new, old in self.corrected)


def adopt(store: Store, key: str, *, reason: str, actor: str) -> Adopted:
    """Correct each standing forecast made under an older version of a lexicon to its newest, in one transaction.

    The newest version is the one registered last. A forecast whose phrase that version does not define stays as
    it is. Scores follow at once; where nothing is to be corrected, nothing is written.
    Raises `InvalidInputError` where no lexicon has the key, or for a reason that is no text.
    """
    with store.write(actor=actor, action="adopt") as tx:
        lexicon = latest_lexicon(tx, key)
        corrected = []
        left: Counter[str] = Counter()
        for old in _under_older_versions(tx, lexicon):
            if find_phrase(lexicon.phrases, str(old.phrase)) is None:
                left[str(old.phrase)] += 1
                continue
            number = NewNumber(phrase=old.phrase, lexicon=key)
            corrected.append((append_correction(tx, old, number, reason), old))
        for question_id in dict.fromkeys(new.question_id for new, _ in corrected):
            resolving.score_anew(tx, tx.session.get_one(Question, question_id))
        if not corrected:
            tx.discard()
        return Adopted(key, lexicon.version, corrected, dict(sorted(left.items())))


def _under_older_versions(tx: Transaction, lexicon: Lexicon) -> list[Forecast]:
    """Return the forecasts that have a number from another version, and that no correction has replaced."""
    later = aliased(Forecast)
    corrected = select(later.supersedes_id).where(later.change == "correction")
    found = tx.session.exec(
        select(Forecast)
        .join(Lexicon, col(Forecast.lexicon_id) == col(Lexicon.id))
        .where(
            Lexicon.key == lexicon.key,
            Lexicon.id != lexicon.id,
            col(Forecast.phrase).is_not(None),
            col(Forecast.probability_ppm).is_not(None),
            col(Forecast.id).not_in(corrected),
        )
        .order_by(col(Forecast.id))
    )
    return list(found.all())


def _numbers(row: Forecast) -> tuple[int | None, int | None, int | None]:
    return row.low_ppm, row.probability_ppm, row.high_ppm
