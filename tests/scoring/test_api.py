import subprocess
import sys
from importlib import import_module

import pytest

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


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, names in NAMES.items() for n in names.split()])
def test_public_names_exist_and_are_documented(module: str, name: str) -> None:
    public = getattr(import_module(f"scoring.{module}"), name)
    if name == "GATES":
        return
    for part in ("Raises", "Source", ">>>"):
        if isinstance(public, type) or name in ("time_weighted_brier", "baseline_score", "coverage"):
            continue  # nothing is refused that the table or the history has not refused before
        if name == "allowed" and part == "Source":
            continue
        assert part in (public.__doc__ or ""), f"{name} lacks {part!r}"


def test_scoring_can_be_imported_without_pandas_or_numba() -> None:
    code = f"""
import sys
sys.modules.update(dict.fromkeys(["pandas", "numba", "polars", "pyarrow"]))
for module in {list(NAMES)}:
    __import__("scoring." + module)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
