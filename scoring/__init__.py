"""Mathematics of probability forecasts: arrays or frames in, numbers and codes out.

`rules` scores single forecasts, `levels` counts grouped ones, `decompose` and `calibration` take counts
apart, `intervals` says how far off a mean may be, `history` scores forecasts that are revised, `compare`
and `ranking` set forecasters side by side, and `gates` says what may be shown at how many clusters.
docs/scoring.md has a worked example.
"""
