"""Names of the metrics of the experiment on separation."""

PREFIX = "separation_"
BEST_THRESHOLD = f"{PREFIX}best_threshold"
FIXED_THRESHOLD = f"{PREFIX}fixed_threshold"
ALL = "all"
"""The value of `k` in the slice of a mean over all k."""

NOISE_PREFIX = f"{PREFIX}noise_"
NOISE_MEASURES = ("precision", "noise", "recall", "f1")
"""The measures of `NoiseScores`."""
