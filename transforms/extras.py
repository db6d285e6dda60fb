"""Commands that install the optional dependencies (`extras_require` in setup.py), for error messages.

The package is not in a public registry: in a clone it is installed from its folder.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_PACKAGE = "interest-journeys"


def python_command() -> str:
    """Return `python`, or the path of this process' Python where `python` is another one, as without `activate`."""
    found = shutil.which("python")
    path = Path(sys.executable)
    if found is not None and Path(found).parent == path.parent:
        return "python"
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def console_command() -> str:
    """Return the command `interest-journeys` if it started this process, with its path if needed; empty otherwise."""
    program = Path(sys.argv[0])
    if program.name != _PACKAGE:
        return ""
    found = shutil.which(_PACKAGE)
    return _PACKAGE if found is not None and Path(found).resolve() == program.resolve() else str(program)


def install_command(extra: str) -> str:
    """Return the command that installs the dependencies of an extra.

    Args:
        extra: its name in `extras_require`.
    """
    target = _PACKAGE
    if (_ROOT / "setup.py").is_file():
        target = "." if Path.cwd() == _ROOT else str(_ROOT)
    return f"{pip_command()} install '{target}[{extra}]'"


def pip_command() -> str:
    """Return `pip`, or the command of that of this process' Python where `python` is another one."""
    python = python_command()
    return "pip" if python == "python" else f"{shlex.quote(python)} -m pip"


INSTALL_ENCODER = install_command("encoder")
INSTALL_EVALUATION = install_command("evaluation")
INSTALL_EXPLORATION = install_command("exploration")
INSTALL_GCP = install_command("gcp")
INSTALL_LLM = install_command("llm")
INSTALL_MULTILINGUAL = install_command("multilingual")
INSTALL_NAMING = install_command("naming")
INSTALL_RIVALS = install_command("rivals")
INSTALL_RECOMMENDER = install_command("recommender")
INSTALL_REPORT = install_command("report")
