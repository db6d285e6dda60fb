import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.datasets.manifest import MANIFEST_NAME, Manifest, Part, current_versions, read_manifest

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(0, 2**62)
PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT | st.floats(allow_nan=False, allow_infinity=False)
)
MANIFESTS = st.builds(
    Manifest,
    dataset=TEXT,
    schema_fingerprint=TEXT,
    parts=st.lists(st.builds(Part, TEXT, NUMBERS, NUMBERS, TEXT), max_size=4).map(tuple),
    configuration=st.dictionaries(TEXT, PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(TEXT, PLAIN, max_size=3)),
    code_version=TEXT,
    inputs=st.dictionaries(TEXT, TEXT),
)


@given(MANIFESTS)
def test_round_trip(manifest: Manifest) -> None:
    read = Manifest.from_json(manifest.to_json())
    assert read == manifest
    assert read.digest == manifest.digest
    assert read.rows == sum(part.rows for part in manifest.parts)


def test_digest_names_the_version() -> None:
    manifest = Manifest("journeys", "f", (Part("a", 1, 2, "c"),), {"x": 1, "a": 2}, "1", {})
    assert manifest.digest == dataclasses.replace(manifest, configuration={"a": 2, "x": 1}).digest
    for changed in ({"parts": ()}, {"configuration": {}}, {"code_version": "2"}, {"inputs": {"a": "b"}}):
        assert dataclasses.replace(manifest, **changed).digest != manifest.digest


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"rows": 1}', '{"rows": 0, "parts": [], "more": 1}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST_NAME).write_text(text)
    with pytest.raises(ValueError, match=f"{tmp_path}.*not a manifest"):
        read_manifest(str(tmp_path))


def test_no_manifest_is_none(tmp_path: Path) -> None:
    assert read_manifest(str(tmp_path)) is None
    assert read_manifest(str(tmp_path / "nowhere")) is None


def test_versions_are_digests(tmp_path: Path) -> None:
    manifest = Manifest("journeys", "f", (), {}, "1", {})
    (tmp_path / "journeys").mkdir()
    (tmp_path / "journeys" / MANIFEST_NAME).write_text(manifest.to_json())
    assert current_versions(str(tmp_path), ("errors", "journeys")) == {"errors": None, "journeys": manifest.digest}
