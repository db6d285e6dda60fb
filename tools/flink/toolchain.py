"""Installation of the programs that real engines need, from package registries, with the tools of this machine."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

SOURCE = Path(__file__).parent
ENGINES = SOURCE.parents[1] / "build" / "engines"
# Beam does not upload jars whose path contains `gradle/wrapper` with every job; the TaskManagers have them already.
JARS = ENGINES / "gradle" / "wrapper"
BINARIES = ENGINES / "bin"
CHECKSUMS = SOURCE / "jars.sha256"

BOOT = BINARIES / "boot"
PRISM = BINARIES / "prism"
FAKE_GCS_SERVER = BINARIES / "fake-gcs-server"
_OLDEST_JAVA = 17
_WHAT_FOR = {
    "java": f"a Java runtime, {_OLDEST_JAVA} or newer, runs Flink",
    "mvn": "Maven fetches Flink and Beam's job server",
    "go": "Go builds Beam's worker boot program, Prism and the storage emulator",
}


class MissingProgramError(RuntimeError):
    """A program that real engines need is not installed."""


def check_tools() -> None:
    """Check the programs that the installation needs.

    Raises:
        MissingProgramError: listing all missing programs.
    """
    missing = [f"'{name}': {why}" for name, why in _WHAT_FOR.items() if shutil.which(name) is None]
    if shutil.which("java") is not None and (found := _java_version()) < _OLDEST_JAVA:
        missing.append(f"Java {_OLDEST_JAVA} or newer, this is Java {found}")
    if missing:
        raise MissingProgramError("Programs that real engines need are missing:\n  " + "\n  ".join(missing))


def _java_version() -> int:
    output = subprocess.run(["java", "-version"], check=True, capture_output=True, text=True).stderr
    found = re.search(r'version "(\d+)', output)
    return int(found.group(1)) if found else 0


def install(say: Callable[[str], None] = print) -> None:
    """Install missing programs in `build/engines`.

    Raises:
        MissingProgramError: if a tool is missing.
        RuntimeError: if a tool fails, or a jar does not match its checksum.
    """
    check_tools()
    BINARIES.mkdir(parents=True, exist_ok=True)
    # The boot program and Prism are of one release with the Python SDK that they serve.
    beam = f"github.com/apache/beam/sdks/v2%s@v{version('apache-beam')}"
    _go_install(BOOT, beam % "/python/container", say)
    _go_install(PRISM, beam % "/go/cmd/prism", say)
    _go_install(FAKE_GCS_SERVER, "github.com/fsouza/fake-gcs-server@v1.56.1", say)
    if different_jars():
        say("Flink and Beam's job server: about 160 MB of jars")
        _fetch_jars(JARS)
    if wrong := different_jars():
        raise RuntimeError(f"{JARS}: different from {CHECKSUMS.name}: {', '.join(wrong[:5])}")


def _go_install(program: Path, module: str, say: Callable[[str], None]) -> None:
    """Build a Go program, unless it exists in this version."""
    stamp = program.with_suffix(".version")
    if program.exists() and stamp.exists() and stamp.read_text() == module:
        return
    say(f"{program.name}: {module}")
    folder = program.parent / f".{program.name}"
    _call(["go", "install", module], {"GOBIN": str(folder)})
    (built,) = folder.iterdir()  # Go names it after the last folder of the module's path
    built.replace(program)
    folder.rmdir()
    stamp.write_text(module)


def _fetch_jars(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    _call(["mvn", "--quiet", "--batch-mode", f"--file={SOURCE / 'pom.xml'}", *goal], {})


def _call(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-4000:]}")


def jar_checksums() -> dict[str, str]:
    """Compute the SHA-256 of each installed jar, by name."""
    return {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in sorted(JARS.glob("*.jar"))}


def different_jars() -> list[str]:
    """Return the names of jars that are missing, unexpected or different from their checksum."""
    lines = CHECKSUMS.read_text(encoding="utf-8").splitlines()
    wanted = {name: digest for digest, name in (line.split("  ") for line in lines)}
    return sorted({name for name, _ in wanted.items() ^ jar_checksums().items()})


def write_checksums() -> None:
    """Download the jars of the current pom and write their checksums."""
    check_tools()
    _fetch_jars(JARS)
    CHECKSUMS.write_text("".join(f"{digest}  {name}\n" for name, digest in jar_checksums().items()))


def check_installed() -> None:
    """Check that `install` was run.

    Raises:
        MissingProgramError: if a program is missing.
    """
    missing = [str(path) for path in (BOOT, PRISM, FAKE_GCS_SERVER, JARS) if not path.exists()]
    if missing:
        raise MissingProgramError(f"not installed: {', '.join(missing)}; run: make engines")
