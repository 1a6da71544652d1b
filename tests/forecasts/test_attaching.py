"""The reader's own copy of an article: what is taken, and what it shows."""

from pathlib import Path
from typing import Any

import pytest

from forecasts import registry
from forecasts.errors import ConflictError, InvalidInputError, NotFoundError
from tests.support.desk import Desk
from tests.support.documents import (
    SHA256,
    TEXT,
    article,
    document,
)


def attach(desk: Desk, path: Path, **more: Any) -> str:
    return registry.attach(desk.store, "tarn-2020", path, actor="Rita Registrar", **more)


def test_with_a_copy_attached_the_quotation_is_shown(desk: Desk, tmp_path: Path) -> None:
    desk.register(document())
    path = tmp_path / "tarn.txt"
    path.write_bytes(TEXT.encode())
    assert desk.report()["statements"][0]["quotation"] is None
    assert attach(desk, path) == SHA256
    assert desk.report()["statements"][0]["quotation"] == TEXT[0:54]
    rev = desk.rev()
    attach(desk, path)
    assert desk.rev() == rev


def test_a_file_with_another_hash_becomes_an_edition_only_on_request(desk: Desk, tmp_path: Path) -> None:
    desk.register(document())
    path = tmp_path / "tarn.txt"
    path.write_bytes(TEXT.encode() + b"more")
    with pytest.raises(
        ConflictError, match="is no registered edition of 'tarn-2020': attach the exact file, or add"
    ):
        attach(desk, path)
    assert (desk.rev(), len(desk.export("articles"))) == (1, 1)
    sha256 = attach(desk, path, new_edition=True)
    assert {found["article_sha256"] for found in desk.export("articles")} == {SHA256, sha256}
    assert desk.report()["statements"][0]["quotation"] is None


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"", "is empty"), (b"a\x00b", "contains NUL characters"), (b"\xff", "is not UTF-8 text")],
)
def test_what_is_no_text_is_not_attached(desk: Desk, tmp_path: Path, body: bytes, says: str) -> None:
    desk.register(document())
    path = tmp_path / "tarn.txt"
    path.write_bytes(body)
    with pytest.raises(InvalidInputError, match=says):
        attach(desk, path, new_edition=True)
    assert desk.rev() == 1


def test_a_copy_belongs_to_its_own_article(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "tarn.txt"
    path.write_bytes(TEXT.encode())
    with pytest.raises(NotFoundError, match="There is no article 'tarn-2020'; `calledit export articles"):
        attach(desk, path)
    desk.register(document())
    desk.register({"articles": [article("other", editions=[{"sha256": "b" * 64, "characters": 9}])]})
    with pytest.raises(ConflictError, match="is an edition of another article"):
        registry.attach(desk.store, "other", path, actor="Rita Registrar")
