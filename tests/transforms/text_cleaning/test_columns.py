import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import COLLECTIONS, ITEMS
from transforms.datasets.coercion import coerce
from transforms.text_cleaning.columns import blank_placeholders, clean_column, clean_titles, count_longer, cut_column
from transforms.text_cleaning.markup import clean_text

_FRAGMENTS = [
    "&amp;",
    "<b>",
    "</b>",
    "{{x}}",
    " ",
    "  ",
    "word",
    "Zürich",
    "日本",
    "-",
    ":",
    "3.",
    "(",
    ")",
    "$b",
    "\u00ad",
    "😀",
]


@given(st.lists(st.text(max_size=20) | st.lists(st.sampled_from(_FRAGMENTS), max_size=6).map("".join), max_size=8))
def test_a_column_is_cleaned_as_each_of_its_texts(texts: list[str]) -> None:
    assert clean_column(pa.array(texts, pa.string())).to_pylist() == [clean_text(text) for text in texts]


def test_lists_keep_their_shape_and_nulls_stay() -> None:
    column = pa.array([["a &amp; b", None], None, [], ["<i>c</i>"]], pa.list_(pa.string()))
    assert clean_column(column).to_pylist() == [["a & b", None], None, [], ["c"]]
    assert clean_column(column.slice(2)).to_pylist() == [[], ["c"]]


def test_texts_are_cut_to_their_first_characters() -> None:
    texts = pa.array(["日本語x", None, "ab", "e\u0301e"], pa.string())
    assert cut_column(texts, 2).to_pylist() == ["日本", None, "ab", "e\u0301"]
    lists = pa.array([["abcd", None], None, [], ["ab", "日本語"]], pa.list_(pa.string()))
    assert cut_column(lists, 2).to_pylist() == [["ab", None], None, [], ["ab", "日本"]]
    assert cut_column(lists.slice(2), 2).to_pylist() == [[], ["ab", "日本"]]
    assert [count_longer(each, 2) for each in (texts, lists, lists.slice(1, 2), lists.slice(2))] == [2, 2, 0, 1]
    assert count_longer(texts, 4) == count_longer(pa.nulls(2, pa.string()), 4) == 0


@pytest.mark.parametrize(
    "title",
    [
        "[deleted]",
        "(no title)",
        "Untitled",
        "Private video",
        "PRIVATE VIDEO",
        "null",
        "None",
        "N/A",
        "Без названия",
        "無題",
        "[Removed]",
        "Video unavailable.",
        "Sin título",
        "&lt;untitled&gt;",
        "[Removed by Reddit]",
        "[Vídeo excluído]",
        "[Video eliminato]",
        "Video non disponibile",
        "Vídeo não disponível",
        "Видео с ограниченным доступом",
        "[已删除的视频]",
        "[私人视频]",
        "視聴できない動画",
        "[Prywatny film]",
        "[Özel video]",
        "[Verwijderde video]",
        "[فيديو محذوف]",
        "[निजी वीडियो]",
        "[Video riêng tư]",
        "This video isn't available anymore",
        "This video isn’t available anymore",
        "This post has been removed.",
        "This tweet is unavailable",
        "Product unavailable",
        "Untitled 1",
        "untitled (2)",
        "Unnamed",
        "[unknown]",
        "(blank)",
        "Missing title",
        "名称未設定",
        "无题",
        "Bez názvu",
        "Χωρίς τίτλο",
        "Utan titel",
        "Sem titulo",
        *("#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "n.a.", "%TITLE%", "[object Object]"),
        *(
            "IMG_1234.jpg",
            "IMG 20210101_120000",
            "DSC00012",
            "PXL_20230101_123456789.MP.jpg",
            "VID-20200101-WA0001.mp4",
        ),
        *("Screenshot 2023-01-01 at 10.00.00.png", "Bildschirmfoto 2020-01-01 um 11.00.00", "scan_0001.pdf"),
        "WhatsApp Image 2021-01-01 at 10.00.01",
        "Attention Required! | Cloudflare",
    ],
)
def test_a_title_that_stands_for_a_missing_one_is_blank(title: str) -> None:
    assert clean_titles(pa.array([title])).to_pylist() == [""]


@pytest.mark.parametrize(
    "title",
    [
        *("Deleted", "Removed scenes", "Private", "The untitled film", "None of the above", "Nan bread", "Unknown"),
        *(
            "Deleted Scenes",
            "Private video game collection",
            "User Not Found",
            "Özel video",
            "The Private Life of Plants",
        ),
        *(
            "Private Practice [film]",
            "Film",
            "Video",
            "[film]",
            "The video",
            "Untitled Goose Game",
            "1984",
            "Removed 2",
        ),
        *("#refactoring", "#NameThatTune", "100% cotton", "%s in Python", "Null Island"),
        *("Video 2000", "Image 3000", "Photo 51", "Scan 100 books", "IMG processing", "Recording 2020 sessions"),
        *("Screenshot 2023 tutorial", "Screenshot tools"),
    ],
)
def test_a_title_with_such_a_word_stays(title: str) -> None:
    assert blank_placeholders(pa.array([title])).to_pylist() == [title]


def test_texts_are_clean_when_they_are_read() -> None:
    raw = pa.RecordBatch.from_pylist(
        [
            {
                "item_id": "a&amp;b",
                "title": "Salt &amp;amp; <b>pepper</b>",
                "tags": ["R&amp;B"],
                "description": "[deleted]",
            }
        ]
    )
    selected = {name: name for name in raw.schema.names}
    (row,) = coerce(raw, ITEMS, selected, "f", 0).rows.select(raw.schema.names).to_pylist()
    assert row == {"item_id": "a&amp;b", "title": "Salt & pepper", "tags": ["R&B"], "description": "[deleted]"}
    raw = pa.RecordBatch.from_pylist([{"source": "s", "name": "A &amp; B", "item_titles": ["[deleted]", "x&quot;y"]}])
    rows = coerce(raw, COLLECTIONS, {name: name for name in raw.schema.names}, "f", 0).rows
    assert rows["name"].to_pylist() == ["A & B"]
    assert rows["item_titles"].to_pylist() == [["", 'x"y']]
