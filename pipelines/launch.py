"""The start of a job from its command line: a first line at once, then imports, which take seconds."""

from __future__ import annotations

import sys
from typing import NoReturn


def main(name: str) -> NoReturn:
    """Run a job with the arguments of this process, and exit with its exit code.

    Args:
        name: name of the job in `pipelines.registry`.
    """
    if not {"-h", "--help", "--version"}.intersection(sys.argv[1:]):
        sys.stderr.write(f"{name}: starting\n")
        sys.stderr.flush()

    from pipelines.common.run import run_job  # here, because it imports Beam
    from pipelines.registry import load_job

    sys.exit(run_job(load_job(name)))
