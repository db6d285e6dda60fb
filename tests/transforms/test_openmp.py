"""Tests of how threads of OpenMP wait."""

from __future__ import annotations

import subprocess
import sys

import pytest

from transforms.openmp import SPIN_COUNT, limit_spinning


def test_the_environment_of_the_user_is_kept() -> None:
    for own in ({"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "7"}):
        environment = dict(own)
        limit_spinning(environment)
        assert environment == own
    environment = {"HOME": "/home/user"}
    limit_spinning(environment)
    assert environment == {"HOME": "/home/user", "GOMP_SPINCOUNT": str(SPIN_COUNT)}


@pytest.mark.parametrize("library", ["sklearn.cluster", pytest.param("torch", marks=pytest.mark.models)])
def test_openmp_reads_the_setting(library: str) -> None:
    script = f"import transforms.columnar, {library}"
    environment = {"OMP_DISPLAY_ENV": "VERBOSE", "PATH": ""}
    shown = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stderr
    if "GOMP_SPINCOUNT" not in shown:
        pytest.skip("this library has another implementation of OpenMP than GNU's")
    assert f"GOMP_SPINCOUNT = '{SPIN_COUNT}'" in shown
