"""The threads of OpenMP, in which PyTorch and scikit-learn compute: how long they wait for each other at full speed.

A layer of a small model is computed in microseconds, after which each thread waits for the others. GNU's OpenMP checks
300,000 times before such a thread sleeps. If another process needs the core in the meantime, the threads wait in turn
for one that does not run, and both processes nearly stand still.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

SPIN_COUNT = 1000
"""Checks before a waiting thread sleeps. GNU's OpenMP uses as many itself if it has more threads than cores."""

_POLICIES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def limit_spinning(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set `GOMP_SPINCOUNT` to `SPIN_COUNT`, unless the environment has a setting of its own for waiting threads.

    OpenMP reads it once, when PyTorch or scikit-learn is imported. Other implementations of OpenMP ignore it.

    Args:
        environment: the environment variables of this process, which its child processes inherit.
    """
    if not any(each in environment for each in _POLICIES):
        environment["GOMP_SPINCOUNT"] = str(SPIN_COUNT)
