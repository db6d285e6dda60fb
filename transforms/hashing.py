"""Stable hashes of strings and numbers, buckets of hashes, and a hash table of strings."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)

_READ_ONLY_BYTES = numba.types.Array(numba.types.uint8, 1, "C", readonly=True)
_READ_ONLY_HASHES = numba.types.Array(numba.types.uint64, 1, "C", readonly=True)
_READ_ONLY_OFFSETS = numba.types.Array(numba.types.int32, 1, "C", readonly=True)


@numba.njit([numba.void(_READ_ONLY_OFFSETS, _READ_ONLY_BYTES, numba.types.uint64[::1])], cache=True, nogil=True)
def _hash_strings(offsets, data, hashes):  # type: ignore[no-untyped-def]
    # Time: O(bytes).
    for i in range(len(hashes)):
        value = _FNV_OFFSET
        for position in range(offsets[i], offsets[i + 1]):
            value = (value ^ np.uint64(data[position])) * _FNV_PRIME
        # FNV-1a mixes the high bits of short strings badly, and buckets are determined by the high bits.
        value ^= value >> np.uint64(33)
        value *= np.uint64(0xFF51AFD7ED558CCD)
        value ^= value >> np.uint64(33)
        value *= np.uint64(0xC4CEB9FE1A85EC53)
        hashes[i] = value ^ (value >> np.uint64(33))


def mix_bits(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Compute an independent 64-bit hash of each number: the mixer of SplitMix64.

    Args:
        numbers: dtype uint64, of any shape.

    Returns:
        Array of the same shape and dtype.
    """
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def stable_hash(strings: pa.StringArray) -> npt.NDArray[np.uint64]:
    """Compute a 64-bit hash of each string, equal on every machine and in every process.

    It is FNV-1a of the UTF-8 bytes, followed by the finalizer of MurmurHash3. The hash of null is that of the empty
    string.

    Returns:
        Array of shape (len(strings),), dtype uint64.
    """
    hashes = np.empty(len(strings), np.uint64)
    _hash_strings(*_buffers(strings), hashes)
    return hashes


def _buffers(strings: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Return the offsets, shape (len(strings) + 1,), and the UTF-8 bytes of strings; null is empty."""
    if strings.null_count:
        strings = pc.fill_null(strings, "")
    _, offsets, data = strings.buffers()
    octets = np.frombuffer(data or b"", np.uint8)
    if not len(strings) or offsets is None:
        return np.zeros(len(strings) + 1, np.int32), octets
    return np.frombuffer(offsets, np.int32)[strings.offset : strings.offset + len(strings) + 1], octets


class StringIndex:
    """A hash table from distinct strings to their positions, built once for lookups of many batches.

    Args:
        strings: distinct strings without null.
    """

    def __init__(self, strings: pa.StringArray) -> None:
        self._strings = _buffers(strings)
        self._hashes = stable_hash(strings)
        slots = 1 << max(2 * len(strings), 1).bit_length()
        self._table = np.full(slots, -1, np.int32)
        _fill_table(self._hashes, self._table)

    def lookup(self, strings: pa.StringArray) -> npt.NDArray[np.int32]:
        """Return the position of each string, -1 if it is not in the index. Shape (len(strings),), dtype int32."""
        found = np.empty(len(strings), np.int32)
        _look_up(*_buffers(strings), stable_hash(strings), *self._strings, self._hashes, self._table, found)
        return found


@numba.njit([numba.void(_READ_ONLY_HASHES, numba.types.int32[::1])], cache=True, nogil=True)
def _fill_table(hashes, table):  # type: ignore[no-untyped-def]
    # Open addressing with linear probing; at least half of the slots stay free, so the expected time is O(strings).
    mask = np.uint64(len(table) - 1)
    for position in range(len(hashes)):
        slot = hashes[position] & mask
        while table[slot] != -1:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = position


@numba.njit(
    [
        numba.void(
            _READ_ONLY_OFFSETS,
            _READ_ONLY_BYTES,
            _READ_ONLY_HASHES,
            _READ_ONLY_OFFSETS,
            _READ_ONLY_BYTES,
            _READ_ONLY_HASHES,
            _READ_ONLY_OFFSETS,
            numba.types.int32[::1],
        )
    ],
    cache=True,
    nogil=True,
)
def _look_up(offsets, data, hashes, own_offsets, own_data, own_hashes, table, found):  # type: ignore[no-untyped-def]
    # Expected time: O(rows + bytes). Bytes are compared only where hash and length are equal.
    mask = np.uint64(len(table) - 1)
    for row in range(len(hashes)):
        slot = hashes[row] & mask
        length = offsets[row + 1] - offsets[row]
        found[row] = -1
        while table[slot] != -1:
            position = table[slot]
            start = own_offsets[position]
            if own_hashes[position] == hashes[row] and own_offsets[position + 1] - start == length:
                same = 0
                while same < length and own_data[start + same] == data[offsets[row] + same]:
                    same += 1
                if same == length:
                    found[row] = position
                    break
            slot = (slot + np.uint64(1)) & mask


def bucket_ids(strings: pa.StringArray, count: int) -> npt.NDArray[np.int64]:
    """Compute the bucket of each string: contiguous ranges of nearly equal size of the stable hash.

    Args:
        strings: the keys.
        count: number of buckets, from 1 to 2**31.

    Returns:
        Array of shape (len(strings),), dtype int64, values in [0, count).
    """
    high = stable_hash(strings) >> np.uint64(32)
    return ((high * np.uint64(count)) >> np.uint64(32)).astype(np.int64)
