import pytest

from scoring.gates import GATES, allowed


def test_gates_open_at_ten_thirty_and_a_hundred_clusters() -> None:
    assert [gate.clusters for gate in GATES] == [0, 10, 30, 100]
    assert [allowed(n).verdict for n in (0, 9, 10, 29, 30, 99, 100)] == [
        "too-few",
        "too-few",
        "small",
        "small",
        "medium",
        "medium",
        "large",
    ]
    assert "interval" not in allowed(9).shown
    assert "interval" in allowed(10).shown
    assert "corp-curve" in allowed(29).withheld
    assert "consistency-band" in allowed(30).shown
    assert "power" in allowed(30).shown
    assert allowed(30).withheld == {"binned-table", "corrected-decomposition"}
    assert not allowed(100).withheld
    assert allowed(100).next_gate is None


def test_everything_is_either_shown_or_withheld() -> None:
    for n in (0, 10, 30, 100):
        gate = allowed(n)
        assert gate.shown | gate.withheld == allowed(100).shown
        assert not gate.shown & gate.withheld


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="clusters is -1"):
        allowed(-1)
