"""Metrics of mixtures with noise, by method and fraction of noise, and by `min_coherence`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from transforms.columnar import concatenate
from transforms.evaluation.bootstrap import mean_of_groups
from transforms.evaluation.experiments.separation.metric_names import NOISE_MEASURES, NOISE_PREFIX
from transforms.evaluation.experiments.separation.run_noise import NOISE
from transforms.evaluation.metric_rows import metric_batch, metric_row

_KEY = ("method", "min_coherence", "noise_fraction")


def noise_metrics(results: Iterable[pa.RecordBatch], seed: int) -> pa.RecordBatch:
    """Compute rows of `metrics`: `separation_noise_precision` and others, means over the means of each k.

    They are sliced by method and noise, and those of the curve also by min_coherence. A mean is over the mixtures that
    have a value; without any there is no row.

    Args:
        results: rows of `NOISE`, in any order.
        seed: random seed of the intervals.
    """
    rows = concatenate(results, NOISE)
    rows = rows.sort_by([(name, "ascending") for name in (*_KEY, "mixture_id")])
    keys = list(zip(*(rows[name].to_pylist() for name in _KEY), strict=True))
    found = []
    for key in dict.fromkeys(keys):
        own = rows.filter(pa.array([each == key for each in keys], pa.bool_()))
        method, min_coherence, fraction = key
        parts = {} if min_coherence is None else {"min_coherence": min_coherence}
        ks = own["k"].to_numpy()
        for measure in NOISE_MEASURES:
            values = own[measure].to_numpy(zero_copy_only=False)
            present = ~np.isnan(values)
            if present.any():
                interval = mean_of_groups(values[present], ks[present], seed)
                found.append(metric_row(f"{NOISE_PREFIX}{measure}", interval, method=method, noise=fraction, **parts))
    return metric_batch(found)
