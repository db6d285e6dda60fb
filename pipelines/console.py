"""The command `interest-journeys`: `interest-journeys extract ...` is `python -m pipelines.extract ...`.

It does not depend on the working folder: with `python -m`, a folder `pipelines` there has precedence over this package.
"""

from __future__ import annotations

import difflib
import os
import sys
from importlib.metadata import version

from pipelines.launch import main as launch
from pipelines.registry import JOBS

_SAFE_PATH = "PYTHONSAFEPATH"
"""Environment variable with which Python does not import from the working folder; worker processes inherit it."""


def main() -> int:
    """Run the job that the first argument names; without one, list the jobs.

    Returns:
        The exit code of the list, or of a job that does not exist.
    """
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        from pipelines.__main__ import main as list_jobs

        list_jobs()
        return 0
    if arguments[0] == "--version":
        sys.stdout.write(f"interest-journeys {version('interest-journeys')}\n")
        return 0
    name = arguments[0]
    if name not in JOBS:
        close = difflib.get_close_matches(name, JOBS, 1)
        hint = f"did you mean {close[0]}?" if close else f"the jobs are {', '.join(JOBS)}"
        sys.stderr.write(f"interest-journeys: there is no job {name!r}; {hint}\n")
        return 2
    os.environ[_SAFE_PATH] = "1"
    sys.argv[1:] = arguments[1:]
    return launch(name)
