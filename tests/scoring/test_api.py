import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest

from scoring.levels import ClusterTable, LevelTable

NAMES = {
    "rules": """brier_score log_score spherical_score brier_score_multiclass ranked_probability_score
        brier_score_per_forecast log_score_per_forecast spherical_score_per_forecast
        brier_score_multiclass_per_forecast ranked_probability_score_per_forecast""",
    "levels": "LevelTable ClusterTable",
    "decompose": "murphy murphy_corrected corp yates",
    "calibration": """reliability_curve corp_curve consistency_band spiegelhalter_z calibration_in_the_large
        expected_calibration_error phrase_table""",
    "intervals": "gaffke_interval betting_interval cluster_t_interval wilson_interval",
    "history": "time_weighted_brier daily_brier baseline_score peer_score spot_score coverage",
    "compare": "paired_difference e_process permutation_test",
    "ranking": """shrink rank_intervals pairwise_order difficulty_adjusted lexicon_stability
        wording_interval""",
    "gates": "GATES allowed",
}


#: What raises nothing of its own, or has no formula to cite.
NO_RAISES = {"LevelTable", "ClusterTable", "levels", "blocks"}
NO_SOURCE = NO_RAISES | {
    "add", "author", "base_rate", "cluster_total", "from_arrays", "from_frame", "mean", "mean_score", "merge",
    "remove", "spread", "to_frame", "total", "total_weight",
}  # fmt: skip


def documented() -> list[tuple[str, Any]]:
    public = [
        (name, getattr(import_module(f"scoring.{module}"), name))
        for module, names in NAMES.items()
        for name in names.split()
        if name != "GATES"
    ]
    for table in (LevelTable, ClusterTable):
        public += [
            (name, getattr(table, name))
            for name in dir(table)
            if not name.startswith("_") and callable(getattr(table, name))
        ]
    return public


@pytest.mark.parametrize(("name", "public"), documented())
def test_public_names_exist_and_are_documented(name: str, public: Any) -> None:
    text = public.__doc__ or ""
    for part, exempt in (("Raises", NO_RAISES), ("Source", NO_SOURCE), (">>>", set[str]())):
        if name in exempt:
            continue
        assert part in text, f"{name} lacks {part!r}"


def test_scoring_can_be_imported_without_pandas_or_numba() -> None:
    code = f"""
import sys
sys.modules.update(dict.fromkeys(["pandas", "numba", "polars", "pyarrow"]))
for module in {list(NAMES)}:
    __import__("scoring." + module)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_scoring_works_without_pandas() -> None:
    """Names, integers and polars frames through everything that takes them, where pandas cannot be imported."""
    code = """
import sys
sys.modules["pandas"] = None
import numpy as np, polars as pl
from scoring import calibration, compare, decompose, intervals, ranking
from scoring.history import History, peer_score
from scoring.levels import ClusterTable, LevelTable

n = 120
author, topic = [f"author {i % 12}" for i in range(n)], [f"topic {i // 12}" for i in range(n)]
y, p = [(i // 12) % 2 for i in range(n)], [(i * 37 % 11) * 100_000 for i in range(n)]
levels = LevelTable.from_arrays(author, y, p)
clusters = ClusterTable.from_arrays(author, y, p, cluster=topic)
frame = pl.DataFrame({"author": author, "topic": topic, "y": y, "p": p, "crowd": [500_000] * n})
columns = {"author": "author", "probability": "p", "outcome": "y", "cluster": "topic"}
for given in (frame, frame.lazy()):
    assert LevelTable.from_frame(given, **columns) == levels == clusters.levels()
    assert ClusterTable.from_frame(given, **columns) == clusters
levels.add("eve", 1, 5).remove("eve", 1, 5).merge(levels).author("author 3").brier_score()
for function in (decompose.murphy, decompose.murphy_corrected, decompose.corp, decompose.yates,
                 calibration.reliability_curve, calibration.corp_curve, calibration.spiegelhalter_z):
    function(levels)
calibration.spiegelhalter_z(clusters)
calibration.phrase_table(y, author, cluster=topic)
calibration.consistency_band(y, p, cluster=topic, draws=100)
intervals.gaffke_interval(clusters.author("author 3").cluster_means())
ranking.pairwise_order(y, p, author=author, question=topic)
ranking.difficulty_adjusted(np.arange(n) / n, author=author, question=topic)
compare.paired_difference(frame, reference="crowd", cluster="topic", probability="p", outcome="y")
peer_score(History.from_arrays(y, [0.5] * n, author=author, question=topic, at=[0] * n, opens=0, closes=1))
assert levels.to_frame(backend="polars").shape[0] == len(levels)
assert clusters.to_frame(backend="polars").columns[:3] == ["author", "cluster", "p_ppm"]
try:
    levels.to_frame()
except ImportError as error:
    assert str(error).startswith("to_frame needs pandas, which is not installed"), error
else:
    raise AssertionError("pandas was imported after all")
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
