"""Writers that replace one file at the same time."""

import threading
from collections import Counter

from transforms.datasets.storage import Storage, VersionConflictError, VersionedFile


def check_that_one_wins_each_round(storage: Storage, path: str, rounds: int, writers: int) -> None:
    """In each round all writers replace the version of the round before; exactly one may, and it is what is stored."""
    expected: VersionedFile | None = None

    def write(content: bytes, start: threading.Barrier, wins: Counter[bytes]) -> None:
        start.wait()
        try:
            storage.replace(path, content, expected)
            wins[content] += 1
        except VersionConflictError:
            pass

    for number in range(rounds):
        start, wins = threading.Barrier(writers), Counter[bytes]()
        threads = [
            threading.Thread(target=write, args=(f"{number} {writer}".encode(), start, wins))
            for writer in range(writers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expected = storage.read(path)
        assert expected is not None
        assert wins == {expected.content: 1}
