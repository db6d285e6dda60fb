"""Files of local disks that match a glob, also those in folders to which symbolic links lead, each once."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from apache_beam.io.filesystem import FileSystem

from transforms.datasets.partitions import is_hidden
from transforms.datasets.storage.globs import fixed_beginning

_ACROSS = "**"

Test = Callable[[str], object]


def linked_files(pattern: str) -> Iterator[str]:
    """Return the paths of the files that match a glob.

    A link is not followed where its target is listed itself: the rows of its files would count twice.

    Args:
        pattern: the glob.
    """
    root = posixpath.dirname(fixed_beginning(pattern))
    matches, may_contain = re.compile(FileSystem.translate_pattern(pattern)).match, _folder_test(pattern)
    entered: list[str] = []
    pending = [root]
    while pending:
        for folder, names, files in os.walk(pending.pop()):
            names[:] = sorted(name for name in names if may_contain(posixpath.join(folder, name)))
            for path in (posixpath.join(folder, name) for name in files):
                if matches(path) and not _is_repeated(path, root, matches):
                    yield path
            links = (posixpath.join(folder, name) for name in names)
            for link in (path for path in links if Path(path).is_symlink()):
                if not _is_repeated(link, root, may_contain) and not _overlaps(link, root, entered):
                    entered.append(posixpath.realpath(link))
                    pending.append(link)


def _is_repeated(path: str, root: str, is_listed: Test) -> bool:
    """Return whether a path is a link to what is listed itself."""
    if not Path(path).is_symlink() or not Path(path).exists():
        return False
    target, real = posixpath.realpath(path), posixpath.realpath(root)
    if not _is_inside(target, real):
        return False
    below = posixpath.relpath(target, real)
    return not any(map(is_hidden, below.split("/"))) and bool(is_listed(posixpath.join(root, below)))


def _overlaps(link: str, root: str, entered: list[str]) -> bool:
    """Return whether a link leads to a folder that contains the root, or shares files with one that was entered."""
    target = posixpath.realpath(link)
    return _is_inside(posixpath.realpath(root), target) or any(
        _is_inside(each, target) or _is_inside(target, each) for each in entered
    )


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _folder_test(pattern: str) -> Callable[[str], bool]:
    """Return the test whether files below a folder may match a glob."""
    names = pattern.split("/")
    tests: list[Test] = [re.compile(FileSystem.translate_pattern(name)).match for name in names]

    def may_contain(folder: str) -> bool:
        for place, name in enumerate(folder.split("/")):
            if place >= len(names) - 1 and _ACROSS not in names[-1]:
                return False
            if _ACROSS in names[place]:
                return True
            if not tests[place](name):
                return False
        return True

    return may_contain
