"""The full-text index over what was said: FTS5 on SQLite, a tsvector with its GIN index on PostgreSQL.

One entry for each text: the claim, hedge and quotation of a statement, the title and cluster of a question, the
name of an author. Words are cut, folded and stemmed here and handed over as they are, so that both databases find
the same. What an entry leads to may be a draft or not said yet: whoever searches shows only what a ledger holds.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlmodel import Session, SQLModel, select

from forecasts.errors import InvalidInputError
from forecasts.tables import AttachedCopy, Author, Question, Statement

# The order numbers the entries (see `_entry`) and is not changed.
FIELDS = ("claim", "hedge", "quotation", "title", "cluster", "author")
INDEXED = (Statement, Question, Author, AttachedCopy)
LONGEST_SEARCH = 300
MOST_TERMS = 20
# PostgreSQL keeps a megabyte of words to a row: five thousand of forty characters fit whatever they are.
_MOST_WORDS = 5_000
_LONGEST_WORD = 40
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_PART = re.compile(r'["“”]([^"“”]*)["“”]|(\S+)')
_BROKEN = re.compile("[\x00\ud800-\udfff\ufffd]")
_BATCH = 2_000

Entries = Iterator[tuple[int, str]]
Found = dict[str, set[int]]


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand next to each other in one text; with `begins`, the last is only the beginning of a word."""

    words: tuple[str, ...]
    begins: bool = False


# -- words -----------------------------------------------------------------------------------------------------


def words_of(told: str) -> list[str]:
    """Return the words of a text as the index keeps them: without accents, case and endings.

    >>> words_of("Élysée's TESTS launched, re-tested: O'Brien")
    ['elyse', 'test', 'launch', 're', 'test', 'obrien']
    """
    return [stem(word) for word in _cut(told)]


def _cut(told: str) -> Iterator[str]:
    for match in _WORD.finditer(_folded(told)):
        word = re.sub("['\u2019]s$", "", match[0])
        yield re.sub("['\u2019]", "", word)[:_LONGEST_WORD]


def _folded(told: str) -> str:
    decomposed = unicodedata.normalize("NFKD", told)
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign)).casefold()


def stem(word: str) -> str:
    """Return an English word without its inflection: steps 1 and 5 of Porter's algorithm.

    Source: Porter (1980), An algorithm for suffix stripping, Program 14(3).

    >>> [stem(word) for word in ("tests", "tested", "testing", "launches", "hopping", "agreed", "ponies", "war")]
    ['test', 'test', 'test', 'launch', 'hop', 'agre', 'poni', 'war']
    """
    if len(word) <= 2 or not word.isascii() or not word.isalpha():
        return word
    return _without_e(_without_ed(_without_s(word)))


def _without_s(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _without_ed(word: str) -> str:
    if word.endswith("eed"):
        word = word[:-1] if _measure(word[:-3]) > 0 else word
    else:
        for ending in ("ed", "ing"):
            if word.endswith(ending) and "v" in _shape(word[: -len(ending)]):
                word = _mended(word[: -len(ending)])
                break
    return word[:-1] + "i" if word.endswith("y") and "v" in _shape(word[:-1]) else word


def _mended(word: str) -> str:
    if word.endswith(("at", "bl", "iz")):
        return word + "e"
    if word[-1] == word[-2:-1] and _shape(word)[-1] == "c" and word[-1] not in "lsz":
        return word[:-1]
    return word + "e" if _measure(word) == 1 and _ends_short(word) else word


def _without_e(word: str) -> str:
    if word.endswith("e") and ((m := _measure(word[:-1])) > 1 or (m == 1 and not _ends_short(word[:-1]))):
        word = word[:-1]
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word


def _shape(word: str) -> str:
    """Return c for each consonant and v for each vowel; y is a vowel after a consonant."""
    found = ""
    for sign in word:
        found += "v" if sign in "aeiou" or (sign == "y" and found.endswith("c")) else "c"
    return found


def _measure(word: str) -> int:
    return len(re.findall("v+c+", _shape(word)))


def _ends_short(word: str) -> bool:
    return _shape(word).endswith("cvc") and word[-1] not in "wxy"


# -- what is looked for ------------------------------------------------------------------------------------------


def terms_of(asked: str, what: str = "words") -> list[Term]:
    """Return what a search asks for; every term has to be found. Empty for an empty search.

    Words in double quotes, and words that a sign ties together ("re-test"), stand next to each other; a star
    takes the beginning of a word. There are no other operators. Raises `InvalidInputError` for a search too long,
    without a letter or digit in it, or with half of a character.

    >>> terms_of('kim "joint statements" nucl*')
    [Term(words=('kim',), begins=False), Term(words=('joint', 'statement'), begins=False), \
Term(words=('nucl',), begins=True)]
    """
    if _BROKEN.search(asked):
        raise InvalidInputError(
            f"{what}: there is half of a character or a NUL in it; write it again, or mend the address (UTF-8)."
        )
    if len(asked) > LONGEST_SEARCH:
        raise InvalidInputError(
            f"{what}: {len(asked)} characters are too many to look for; use at most {LONGEST_SEARCH}."
        )
    found = list(dict.fromkeys(_terms(asked)))
    if asked.strip() and not found:
        raise InvalidInputError(f"{what}: there is no letter and no digit in it; write a word to look for.")
    if len(found) > MOST_TERMS:
        raise InvalidInputError(f"{what}: {len(found)} words are too many; use at most {MOST_TERMS}.")
    return found


def _terms(asked: str) -> Iterator[Term]:
    for quoted, chunk in _PART.findall(asked):
        cut = list(_cut(quoted or chunk))
        begins = chunk.endswith("*")
        if cut:
            last = cut[-1] if begins else stem(cut[-1])
            yield Term((*map(stem, cut[:-1]), last), begins)


def find(session: Session, term: Term) -> Found:
    """Return the rows in which a term is found, by field: ids of statements, questions or authors."""
    found: Found = {field: set() for field in FIELDS}
    for entry in session.connection().execute(*_query(session, term)).scalars():
        number, field = divmod(entry, len(FIELDS))
        found[FIELDS[field]].add(number)
    return found


def _query(session: Session, term: Term) -> tuple[Any, dict[str, str]]:
    star = "*" if term.begins else ""
    if _on_postgres(session.connection()):
        last = len(term.words) - 1
        asked = " <-> ".join(f"'{word}'{':*' if star and k == last else ''}" for k, word in enumerate(term.words))
        return text("SELECT id FROM search_text WHERE words @@ CAST(:asked AS tsquery)"), {"asked": asked}
    asked = f'"{" ".join(term.words)}"{star}'
    return text("SELECT rowid FROM search_text WHERE search_text MATCH :asked"), {"asked": asked}


# -- keeping it --------------------------------------------------------------------------------------------------


def create(connection: Connection) -> None:
    """Create the index, empty."""
    if _on_postgres(connection):
        connection.execute(text("CREATE TABLE search_text (id bigint PRIMARY KEY, words tsvector NOT NULL)"))
        connection.execute(text("CREATE INDEX ix_search_text_words ON search_text USING gin (words)"))
    else:  # `ascii` cuts at spaces alone what `words_of` has cut
        connection.execute(text("CREATE VIRTUAL TABLE search_text USING fts5(words, tokenize = 'ascii')"))


def drop(connection: Connection) -> None:
    """Drop the index, where there is one."""
    connection.execute(text("DROP TABLE IF EXISTS search_text"))


def is_of_the_index(name: str | None) -> bool:
    """Whether a table is the index or one that SQLite keeps for it: none of them is described in `tables`."""
    return name is not None and name.startswith("search_text")


def rebuild(connection: Connection) -> None:
    """Make the index anew from the rows there are."""
    connection.execute(text("DELETE FROM search_text"))
    batch: list[tuple[int, str]] = []
    for entry in _everything(connection):
        batch.append(entry)
        if len(batch) == _BATCH:
            _write(connection, batch)
            batch = []
    _write(connection, batch)


def _everything(connection: Connection) -> Entries:
    """Yield every entry, by columns named here: a migration reads an older schema than the code describes."""
    copies = {row.edition_id: row.text for row in connection.execute(text("SELECT * FROM attached_copy"))}
    said = 'SELECT id, edition_id, start, "end" AS stop, claim, hedge_phrase FROM statement ORDER BY id'
    for row in connection.execute(text(said)):
        span = copies.get(row.edition_id, "")[row.start : row.stop]
        yield from _of_statement(row.id, row.claim, row.hedge_phrase, span)
    for row in connection.execute(text("SELECT id, title, cluster FROM question ORDER BY id")):
        yield from _of_question(row.id, row.title, row.cluster)
    for row in connection.execute(text("SELECT id, name FROM author ORDER BY id")):
        yield _entry("author", row.id), row.name


def index(session: Session, rows: Iterable[SQLModel]) -> None:
    """Add rows just written, of the tables in `INDEXED`; part of the transaction that wrote them."""
    session.flush()
    found: dict[int, str] = {}
    for row in rows:
        found.update(_of(session, row))
    _write(session.connection(), list(found.items()))


def _of(session: Session, row: SQLModel) -> Entries:
    if isinstance(row, Statement):
        copy = session.get(AttachedCopy, row.edition_id)
        span = "" if copy is None else copy.text[row.start : row.end]
        yield from _of_statement(row.id, row.claim, row.hedge_phrase, span)
    elif isinstance(row, AttachedCopy):
        for said in session.exec(select(Statement).where(Statement.edition_id == row.edition_id)).all():
            span = row.text[said.start : said.end]
            yield from _of_statement(said.id, said.claim, said.hedge_phrase, span)
    elif isinstance(row, Question):
        yield from _of_question(row.id, row.title, row.cluster)
    elif isinstance(row, Author):
        yield _entry("author", row.id), row.name


def _of_statement(number: int, claim: str, hedge: str | None, span: str) -> Entries:
    """Yield the entries of one statement; of a redacted one, which has no claim, no quotation either."""
    yield _entry("claim", number), claim
    yield _entry("hedge", number), hedge or ""
    yield _entry("quotation", number), span if claim else ""


def _of_question(number: int, title: str, cluster: str) -> Entries:
    yield _entry("title", number), title
    yield _entry("cluster", number), cluster


def forget(session: Session, fields: Mapping[str, Iterable[int]]) -> None:
    """Take texts that were blanked out of the index, by field and the ids of their rows."""
    gone = [{"id": _entry(field, number)} for field, numbers in fields.items() for number in numbers]
    if not gone:
        return
    connection = session.connection()
    if _on_postgres(connection):
        connection.execute(text("DELETE FROM search_text WHERE id = :id"), gone)
    else:  # which only marks them as deleted until it is told to put itself in order
        connection.execute(text("DELETE FROM search_text WHERE rowid = :id"), gone)
        connection.execute(text("INSERT INTO search_text (search_text) VALUES ('optimize')"))


def _entry(field: str, number: int) -> int:
    """Return the id of an entry: the id of the row it comes from, and which text of it."""
    return number * len(FIELDS) + FIELDS.index(field)


def _write(connection: Connection, entries: Iterable[tuple[int, str]]) -> None:
    """Write entries, also in the place of those written before; a text without a word has none."""
    if _on_postgres(connection):
        insert = "INSERT INTO search_text (id, words) VALUES (:id, CAST(:words AS tsvector))"
        insert += " ON CONFLICT (id) DO UPDATE SET words = excluded.words"
        written = _with_places
    else:
        insert = "INSERT OR REPLACE INTO search_text (rowid, words) VALUES (:id, :words)"
        written = _with_spaces
    cut = ((entry, words_of(told)[:_MOST_WORDS]) for entry, told in entries)
    rows = [{"id": entry, "words": written(words)} for entry, words in cut if words]
    if rows:
        connection.execute(text(insert), rows)


def _with_spaces(words: Iterable[str]) -> str:
    return " ".join(words)


def _with_places(words: Iterable[str]) -> str:
    """Return words as PostgreSQL writes a tsvector."""
    return " ".join(f"'{word}':{place}" for place, word in enumerate(words, 1))


def _on_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"
