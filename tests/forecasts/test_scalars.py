"""What every edge accepts and refuses."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from forecasts.mistakes import first_error
from forecasts.scalars import (
    Duration,
    Instant,
    Key,
    Phrase,
    Probability,
    Sha256,
    Strict,
    Text,
    Word,
    Zone,
    parse_duration,
    write_duration,
)


class Sample(Strict):
    when: Instant
    share: Probability
    tags: list[Word] = []


SAMPLE: dict[str, Any] = {"when": "2020-01-01T00:00:00Z", "share": 0.5}


@pytest.mark.parametrize(
    ("text", "days", "seconds"),
    [("P14D", 14, 0), ("PT90S", 0, 90), ("P1DT2H3M4S", 1, 7384), ("PT0S", 0, 0), ("PT36H", 1, 43200)],
)
def test_a_duration_has_days_hours_minutes_and_seconds(text: str, days: int, seconds: int) -> None:
    assert parse_duration(text) == timedelta(days=days, seconds=seconds)


@pytest.mark.parametrize(
    "value", ["", "P", "PT", "14D", "P1M", "P1Y", "-P1D", "P1.5D", "P123456D", 14, None, True]
)
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not a duration; write for example P14D"):
        parse_duration(value)


@given(st.integers(min_value=0, max_value=99_999 * 86_400))
def test_a_written_duration_reads_back_as_the_same_and_is_canonical(seconds: int) -> None:
    duration = timedelta(seconds=min(seconds, 999_999) if seconds % 86_400 else seconds)
    written = write_duration(duration)
    assert parse_duration(written) == duration
    assert write_duration(parse_duration(written)) == written


def test_two_spellings_of_one_duration_are_written_alike() -> None:
    adapter = TypeAdapter(Duration)
    assert {adapter.dump_python(adapter.validate_python(text)) for text in ("P1D", "PT24H", "PT86400S")} == {"P1D"}


@pytest.mark.parametrize(
    "value",
    ["2019-11-01T09:00:00+09:00", "2019-11-01T00:00:00Z", datetime(2019, 11, 1, tzinfo=UTC)],
)
def test_an_instant_is_kept_in_utc(value: object) -> None:
    instant = TypeAdapter(Instant).validate_python(value)
    assert (instant, instant.utcoffset()) == (datetime(2019, 11, 1, tzinfo=UTC), timedelta(0))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("2019-11-01T00:00:00", "has no time zone; add Z"),
        (datetime(2019, 11, 1), "has no time zone; add Z"),  # noqa: DTZ001
        ("2019-11-01", "has no time zone"),
        ("soon", "is not a date and time"),
        (1572566400, "a date and time is needed"),
        (datetime(2019, 11, 1, tzinfo=UTC).date(), "a date and time is needed"),
        ("9999-01-01T00:00:00Z", "outside the years 1800 to 2500"),
        ("0001-01-01T00:00:00+14:00", "outside the years 1800 to 2500"),
    ],
)
def test_a_naive_or_unreadable_instant_is_refused(value: object, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        TypeAdapter(Instant).validate_python(value)


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0, 0.3, 5e-324])
def test_a_probability_is_a_number_from_0_to_1(value: float) -> None:
    assert TypeAdapter(Probability).validate_python(value) == value


@pytest.mark.parametrize(
    "value", [1.2, -0.1, True, False, "0.5", float("nan"), float("inf"), None, [0.5], 10**30, 1 + 1e-15]
)
def test_anything_else_is_no_probability(value: object) -> None:
    with pytest.raises(ValidationError, match="a probability is a number from 0 to 1"):
        TypeAdapter(Probability).validate_python(value)


@pytest.mark.parametrize("value", ["Asia/Seoul", "UTC", "America/New_York"])
def test_a_named_zone_is_known(value: str) -> None:
    assert TypeAdapter(Zone).validate_python(value) == value


@pytest.mark.parametrize("value", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime", "Asia", "KST+9\x00"])
def test_an_unknown_zone_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="is not an IANA time zone"):
        TypeAdapter(Zone).validate_python(value)


@pytest.mark.parametrize("value", ["", "  ", "a\x00b", "\ud800", "x" * 4001, 7, b"bytes"])
def test_a_text_is_printable_and_neither_empty_nor_endless(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Text).validate_python(value, strict=True)


@pytest.mark.parametrize("value", ["", "a\x00b", "x" * 81])
def test_a_phrase_is_short_and_printable(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Phrase).validate_python(value)


def test_a_text_loses_the_blanks_around_it_and_a_word_does_not() -> None:
    assert TypeAdapter(Text).validate_python(" a b ") == "a b"
    assert TypeAdapter(Word).validate_python(" a b ") == " a b "


@pytest.mark.parametrize("value", ["A", "-a", "a b", "a\n", "", "é", "a" * 101])
def test_a_key_is_a_plain_lower_case_word(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Key).validate_python(value)


@pytest.mark.parametrize("value", ["a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n"])
def test_a_hash_is_64_lower_case_hexadecimal_digits(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Sha256).validate_python(value)


def test_a_schema_takes_no_unknown_key() -> None:
    with pytest.raises(ValidationError, match="there is no such field"):
        Sample.model_validate(SAMPLE | {"odds": 3})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"share": 2}, "share: a probability is a number from 0 to 1, not 2."),
        ({"tags": ["a", 5]}, "tags[1]: a text is needed, not 5."),
        (
            {"share": 2, "when": 5},
            "when: a date and time is needed; write 2019-11-01T00:00:00Z (1 more after it).",
        ),
    ],
)
def test_the_first_error_is_one_sentence_with_its_place(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate(SAMPLE | change)
    assert first_error(caught.value, SAMPLE | change) == sentence


def test_an_error_of_the_whole_says_so() -> None:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate(5)
    assert first_error(caught.value, 5) == "the document: an object with fields is needed, not 5."
