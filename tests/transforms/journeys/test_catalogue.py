import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.journeys.events import salient_terms
from transforms.columnar import RecordBatchCoder
from transforms.journeys.catalogue import PACKED, Catalogue, encode_sorted, pack_catalogue, unpack_catalogue

SALIENCES = st.sampled_from([0.125, 0.25, 0.5, 1.0])
TEXTS = st.text("aAäβ語😀 ", max_size=3)
ITEMS = st.dictionaries(TEXTS, st.dictionaries(TEXTS, SALIENCES, max_size=4), max_size=8)


def read(catalogue: Catalogue) -> dict[str, dict[str, float]]:
    """The catalogue as dictionaries again."""
    offsets, terms, saliences, size = catalogue.term_vectors
    names = catalogue.vocabulary.to_pylist()
    assert size == len(names)
    return {
        item: {names[terms[entry]]: float(saliences[entry]) for entry in range(offsets[i], offsets[i + 1])}
        for i, item in enumerate(catalogue.item_ids.to_pylist())
    }


@given(st.lists(TEXTS, max_size=20))
def test_strings_are_numbered_in_their_own_order(strings: list[str]) -> None:
    codes, values = encode_sorted(pa.array(strings, pa.string()))
    assert values.to_pylist() == sorted(set(strings))
    assert [values[code].as_py() for code in codes.tolist()] == strings


def test_strings_are_numbered_by_hand() -> None:
    codes, values = encode_sorted(pa.array(["pear", "apple", "pear", "Zebra", "étude"]))
    assert values.to_pylist() == ["Zebra", "apple", "pear", "étude"]
    assert codes.tolist() == [2, 1, 2, 0, 3]
    assert codes.dtype == np.int64


@settings(deadline=None)
@given(ITEMS)
def test_a_catalogue_holds_what_was_packed(items: dict[str, dict[str, float]]) -> None:
    catalogue = unpack_catalogue(pack_catalogue([salient_terms(items)]))
    assert read(catalogue) == items
    assert catalogue.item_ids.to_pylist() == sorted(items)
    assert catalogue.vocabulary.to_pylist() == sorted({term for terms in items.values() for term in terms})


@settings(deadline=None)
@given(ITEMS, st.data())
def test_packing_does_not_depend_on_batches(items: dict[str, dict[str, float]], data: st.DataObject) -> None:
    shuffled = salient_terms(dict(data.draw(st.permutations(list(items.items())))))
    cut = data.draw(st.integers(0, len(items)))
    parts = [shuffled.slice(cut), shuffled.slice(0, cut)]
    assert pack_catalogue(parts).to_pylist() == pack_catalogue([salient_terms(items)]).to_pylist()
    assert [array.tolist() for array in unpack_catalogue(pack_catalogue(parts)).term_vectors[:3]] == [
        array.tolist() for array in unpack_catalogue(pack_catalogue([salient_terms(items)])).term_vectors[:3]
    ]


def test_terms_keep_their_order_within_an_item() -> None:
    catalogue = unpack_catalogue(
        pack_catalogue([salient_terms({"b": {"tea": 0.5, "cup": 0.25}, "a": {}, "c": {"cup": 1.0}})])
    )
    assert catalogue.item_ids.to_pylist() == ["a", "b", "c"]
    assert catalogue.vocabulary.to_pylist() == ["cup", "tea"]
    assert catalogue.term_vectors.offsets.tolist() == [0, 0, 2, 3]
    assert catalogue.term_vectors.terms.tolist() == [1, 0, 0]
    assert catalogue.term_vectors.saliences.tolist() == [0.5, 0.25, 1.0]


def test_an_empty_catalogue() -> None:
    packed = pack_catalogue([])
    assert packed.schema == PACKED
    assert read(unpack_catalogue(packed)) == {}


def test_a_packed_catalogue_travels() -> None:
    packed = pack_catalogue([salient_terms({"a": {"tea": 0.5, "cup": 0.25}, "b": {"cup": 1.0}})])
    coder = RecordBatchCoder()
    assert read(unpack_catalogue(coder.decode(coder.encode(packed)))) == read(unpack_catalogue(packed))
