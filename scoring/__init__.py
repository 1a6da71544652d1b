"""Mathematics of probability forecasts: arrays or frames in, numbers out."""
