from pathlib import Path

import pyarrow as pa

from tools.static_encoder.texts import is_held_out, training_collections, training_texts


def collections(lists: int, per_list: int = 2) -> pa.Table:
    rows = [
        {
            "source": f"source {number}",
            "list_title": f"list {number}",
            "name": f"name {part}",
            "item_titles": [f"Title {number} {part} {item}" for item in range(5)],
            "item_descriptions": ["about it", "", "", "", ""],
        }
        for number in range(lists)
        for part in range(per_list)
    ]
    return pa.Table.from_pylist(rows)


def test_a_list_is_held_out_as_a_whole_and_a_library_by_names() -> None:
    table = collections(200)
    held = is_held_out(table)
    assert 0.1 < held.mean() < 0.3
    assert (held[::2] == held[1::2]).all()
    library = is_held_out(collections(1, per_list=500))
    assert 0.1 < library.mean() < 0.3


def test_nothing_of_a_held_out_list_is_in_the_training_texts() -> None:
    table = collections(200)
    held = table.filter(pa.array(is_held_out(table)))
    held_titles = [title for titles in held["item_titles"].to_pylist() for title in titles]
    items = pa.table(
        {
            "title": [held_titles[0].upper(), "Another post", "New title", None],
            "creator": ["someone", held["list_title"][0].as_py(), "someone", None],
            "description": [None, None, "with a text", None],
        }
    )
    texts = training_texts([items], table)
    assert "New title: with a text" in texts
    assert not {"Another post", held_titles[0].upper(), *held_titles} & set(texts)
    assert not any(text.startswith(f"{title}:") for title in held_titles for text in texts)
    assert texts == training_texts([items.take([2, 1, 0, 3])], table.take(list(reversed(range(table.num_rows)))))
    kept = training_collections(table)
    assert len(kept.members) == (~is_held_out(table)).sum()
    assert {text for members in kept.members for text in (kept.texts[row] for row in members)} <= set(texts)


def test_the_card_states_the_files_of_the_package() -> None:
    card = (Path(__file__).parents[3] / "transforms/encoders/packaged/README.md").read_text(encoding="utf-8")
    for part in ("python -m tools.static_encoder", "CC BY 4.0", "Apache-2.0", "ODC PDDL"):
        assert part in card
