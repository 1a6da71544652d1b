"""From a forecast to the bytes its score rests on, record by record."""

from pathlib import Path

import pytest

from forecasts import registry
from forecasts.errors import NotFoundError
from forecasts.exchange.trace import trace
from forecasts.tables import Verdict
from tests.support.desk import Desk, question_row, sound_check
from tests.support.documents import TEXT, document, event_leaf, question


def test_every_record_leads_to_the_next(desk: Desk, tmp_path: Path) -> None:
    (asked,) = desk.ids(document(questions=[question(criterion=event_leaf())])).values()
    with desk.store.write(actor="calledit", kind="adapter", action="check") as tx:
        check = sound_check(tx)
        row = question_row(tx, asked)
        tx.append(
            Verdict(question_id=row.id, check_id=check.id, value="unknown", reason="soon", needs_person=True)
        )
    desk.resolve(asked)
    ledger = desk.ledger()

    forecast = trace(ledger, desk.export("forecasts")[0]["forecast"])
    assert [score["policy"] for score in forecast["scores"]] == ["broad", "strict"]
    statement = trace(ledger, forecast["forecast"]["statement"])
    assert (statement["statement"]["claim"], statement["quotation"]) == (
        "The crossing is in use by mid-year.",
        None,
    )
    assert statement["forecasts"] == [forecast["forecast"]]
    found = trace(ledger, forecast["forecast"]["question"])
    assert [step["state"] for step in found["resolutions"]] == ["proposed", "confirmed"]
    assert [(verdict["value"], verdict["needs_person"]) for verdict in found["verdicts"]] == [("unknown", True)]
    assert trace(ledger, found["verdicts"][0]["check"])["verdicts"] == found["verdicts"]
    assert trace(ledger, found["resolutions"][-1]["resolution"])["scores"] == forecast["scores"]

    path = tmp_path / "tarn.txt"
    path.write_bytes(TEXT.encode())
    registry.attach(desk.store, "tarn-2020", path, actor="Rita Registrar")
    assert trace(desk.ledger(), statement["statement"]["statement"])["quotation"] == TEXT[0:54]


@pytest.mark.parametrize("name", ["f-nowhere", "x-1", "", "f"])
def test_an_unknown_record_is_named(desk: Desk, name: str) -> None:
    desk.register(document())
    with pytest.raises(NotFoundError, match="There is no record"):
        trace(desk.ledger(), name)
