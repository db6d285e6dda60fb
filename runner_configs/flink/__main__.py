"""`python -m runner_configs.flink up`: a Flink cluster on this machine, until `down`."""

from __future__ import annotations

import argparse
import sys

from runner_configs.flink import programs
from runner_configs.flink.cluster import HOST, LocalCluster
from runner_configs.flink.processes import NotReadyError

_FOLDER = programs.ENGINES / "flink"


def main() -> int:
    """Runs one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m runner_configs.flink", description=__doc__)
    parser.add_argument("command", choices=("install", "up", "down", "checksums"))
    parser.add_argument("--task_managers", type=int, default=2)
    arguments = parser.parse_args()
    cluster = LocalCluster(_FOLDER)
    try:
        if arguments.command == "install":
            programs.install()
        elif arguments.command == "checksums":
            programs.write_checksums()
        elif arguments.command == "down":
            cluster.down()
        else:
            cluster.up(arguments.task_managers)
            print(f"Flink: http://{HOST}:{cluster.ports.rest}, jobs: {HOST}:{cluster.ports.job}, logs: {_FOLDER}")
    except (programs.MissingProgramError, NotReadyError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
