import pytest

from transforms.naming.examples.headings import naturalize_heading


@pytest.mark.parametrize(
    ("heading", "normalized_name"),
    [
        ("Actors -- Fiction", "Actors in fiction"),
        ("Norway -- Juvenile fiction", "Norway in children's fiction"),
        ("Long Island (N.Y.) -- Fiction", "Long Island in fiction"),
        ("Mercury (Planet) -- Fiction", "Mercury (Planet) in fiction"),
        ("Illinois -- Description and travel", "Travel in Illinois"),
        ("United States -- Description and travel", "Travel in the United States"),
        ("Birds -- Juvenile literature", "Birds for children"),
        ("Printing -- History", "Printing: history"),
        ("Science -- Periodicals", "Science: periodicals"),
        ("Folklore -- Germany", "Folklore in Germany"),
        ("Suffrage -- United States", "Suffrage in the United States"),
        ("French literature -- 19th century", "French literature of the 19th century"),
        ("Short stories, French -- Translations into English", "French short stories in English translation"),
        ("Fantasy fiction, American", "American fantasy fiction"),
        ("Art, Italian", "Italian art"),
        ("Philosophy, Ancient", "Ancient philosophy"),
        ("National characteristics, German", "German national characteristics"),
    ],
)
def test_headings_are_said(heading: str, normalized_name: str) -> None:
    assert naturalize_heading(heading) == normalized_name


@pytest.mark.parametrize(
    "name",
    [
        "Beauty, Personal",
        "Africa, West",
        "Madison, WI",
        "Fonts, Icons, and Graphics",
        "Data Analysis - Visualization",
        "Command--line tools",
        "Rock, American, and Blues",
    ],
)
def test_what_is_not_sure_to_be_a_heading_stays(name: str) -> None:
    assert naturalize_heading(name) == name


@pytest.mark.parametrize(
    "heading",
    [
        "Women -- Suffrage -- United States -- History",
        "England -- Social life and customs -- Fiction",
        "Actors -- Miscellanea",
        "Moving, Household -- Fiction",
        "Burton, Richard Francis, Sir, 1821-1890",
        "Shakespeare, William, 1564-1616 -- Fiction",
    ],
)
def test_what_no_one_would_say_is_no_name(heading: str) -> None:
    assert naturalize_heading(heading) is None
