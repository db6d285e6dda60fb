"""Charts of matplotlib, written as images with equal bytes for equal values. Needs the extra `report`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SETTINGS = {"svg.hashsalt": "interest-journeys", "font.family": "DejaVu Sans", "font.size": 9.5}


@contextmanager
def written_chart(path: Path, size: tuple[float, float]) -> Iterator[Any]:
    """Give a figure to draw on, and write it at the end of the block, in the format of the file name.

    Args:
        path: the file, such as `curve.svg`.
        size: width and height in inches.

    Yields:
        The figure of matplotlib.

    Raises:
        ImportError: when matplotlib is not installed.
    """
    # Not in every installation, and slow to import.
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_SETTINGS):
        chart = Figure(figsize=size, facecolor="white", layout="constrained")
        FigureCanvasAgg(chart)
        yield chart
        no_clock = {"Date": None} if path.suffix == ".svg" else {}
        chart.savefig(path, metadata=no_clock, dpi=110)
