import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.naming.text import display_width, normalize
from transforms.naming.uniqueness import disambiguate, find_collisions, is_same_name


def test_the_first_keeps_its_name() -> None:
    assert find_collisions(["Jazz guitar", "Blues", "jazz-guitars!", "BLUES", "Tea"], ["teas"]) == ([0, 1], [2, 3, 4])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Jazz guitar", "Guitar jazz"),
        ("Jazz guitars", "guitar, jazz"),
        ("Café culture", "Cafe Culture"),
        ("Hip-hop beats", "Hiphop beats"),
        ("hip hop beat", "Hip-Hop Beats"),
        ("E-mail marketing", "Email Marketing"),
        ("Hip hop email", "E-mail, hiphop"),
        ("Cookies", "Cookie"),
        ("Movies & TV", "TV and movie"),
        ("Potatoes", "Potato"),
        ("Boxes", "Box"),
        ("Wolves", "Wolf"),
        ("Data analyses", "Data analysis"),
        ("Women of science", "Science: woman"),
        ("The Beatles", "Beatles"),
        ("Art history", "History of art"),
        ("Canciones pop", "Canción pop"),
        ("Gitarren", "Gitarre"),
        ("Pizze", "Pizza"),
        ("Châteaux", "Chateau"),
        ("Smørrebrød", "Smorrebrod"),
        ("История кино", "Кино: истории"),
        ("ＡＩ art", "AI art"),
        ("الكُتُب", "الكتب"),
        ("☕", "☕"),
        ("Kuchen & Torten", "Torten und Kuchen"),
        ("Perros y gatos", "Perros & gatos"),
        ("Le jazz et la guitare", "Jazz, guitare"),
        ("Historia del arte", "Arte: historia"),
        ("La cuisine française", "Cuisine française"),
        ("L'art moderne", "Art moderne"),
        ("Los perros", "Perro"),
        ("Die Katzen", "Katze"),
        ("خبز", "الخبز"),
        ("مدرسة", "مدرسه"),
        ("OS X", "osx"),
        ("Colour theory", "Color theory"),
        ("Theatres of London", "London theater"),
        ("Organising homes", "Organizing homes"),
        ("Jewellery making", "Jewelry making"),
        ("Top 10 films", "Top ten films"),
        ("World War II", "World War 2"),
        ("2 player games", "Two player games"),
        ("Luces", "Luz"),
        ("Pães", "Pão"),
        ("Amiche", "Amica"),
        ("Kitaplar", "Kitap"),
        ("Kediler", "Kedi"),
        ("Książki", "Książka"),
        ("Города", "Город"),
        ("Γάτες", "Γάτα"),
        ("Firemen", "Fireman"),
        ("Grandchildren", "Grandchild"),
        ("Criteria", "Criterion"),
        ("Indices", "Index"),
        ("Quizzes", "Quiz"),
        ("책", "책들"),
        ("Kochbuch", "Kochbücher"),
        ("Hand", "Hände"),
        ("Buecher", "Bücher"),
        ("ねこ", "ネコ"),
        ("サーバー", "サーバ"),
        ("日本茶の楽しみ方", "日本茶 の 楽しみ方"),
    ],
)
def test_names_that_a_reader_takes_for_one_are_the_same(first: str, second: str) -> None:
    assert is_same_name(first, second)
    assert is_same_name(second, first)
    assert find_collisions([first, second]) == ([0], [1])
    distinct = disambiguate(second, ["bebop"], [first], 60)
    assert not is_same_name(first, distinct)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Jazz", "Jazz guitar"),
        ("Jazz 2", "Jazz 3"),
        ("Jazz 12", "Jazz 21"),
        ("Cars", "Care"),
        ("Trail running", "Trial running"),
        ("C++", "C"),
        ("蜜蜂", "蜂蜜"),
        ("が行", "か行"),
        ("☕", "🎷"),
        ("Guitar", "Guitarist"),
        ("Train", "Trainer"),
        ("Design", "Designer"),
        ("Garden", "Gardener"),
        ("Plan", "Plane"),
        ("Cost", "Costa"),
        ("Wood", "Wooden"),
        ("Past", "Pasta"),
        ("Cloth", "Clothes"),
        ("Part II", "Part III"),
        ("Die", "Das"),
        ("Y", "E"),
        ("Hours", "Hors"),
        ("Лук", "Лука"),
    ],
)
def test_other_names_are_not(first: str, second: str) -> None:
    assert not is_same_name(first, second)
    assert not is_same_name(second, first)


@given(st.lists(st.text("abs é-", min_size=1, max_size=12), max_size=6))
def test_distinct_names_are_pairwise_distinct(names: list[str]) -> None:
    distinct: list[str] = []
    for name in names:
        distinct.append(disambiguate(name, ["jazz", "bebop"], distinct, 60))
    assert not any(is_same_name(first, second) for at, first in enumerate(distinct) for second in distinct[at + 1 :])


def test_a_term_makes_the_difference() -> None:
    assert disambiguate("Jazz", ["jazz", "bebop"], ["Blues"], 60) == "Jazz"
    assert disambiguate("Jazz", ["jazz", "bebop"], ["jazz"], 60) == "Jazz: bebop"
    assert disambiguate("Jazz", ["bebop", "swing"], ["Jazz", "Jazz bebop"], 60) == "Jazz: swing"


def test_a_number_does_where_no_term_can() -> None:
    assert disambiguate("Jazz", [], ["jazz", "jazz 2"], 60) == "Jazz 3"
    assert disambiguate("J" * 30, ["bebop"], ["J" * 30], 30) == "J" * 28 + " 2"


@given(
    st.lists(st.text("ab é-!茶", min_size=1, max_size=34), max_size=8), st.lists(st.text("abc", max_size=8), max_size=3)
)
def test_names_distinguished_differ_and_fit(names: list[str], terms: list[str]) -> None:
    given_names: list[str] = []
    for name in names:
        given_names.append(
            disambiguate(name, terms, given_names, 40 if display_width(name) <= 40 else display_width(name))
        )
    assert len({normalize(name) for name in given_names}) == len(names)
