import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.naming.examples.clean_names import clean_name, is_sentences


@pytest.mark.parametrize(
    ("name", "tidied"),
    [
        ("Codex Alera (2005) by Jim Butcher [4.28] 🔥", "Codex Alera (2005) by Jim Butcher"),
        ("Actors -- Fiction", "Actors in fiction"),
        ('"Remote work"', "Remote work"),
        ('Companies with "remote DNA"', 'Companies with "remote DNA"'),
        ("Gardening, plants, and agriculture.", "Gardening, plants, and agriculture"),
        ("Pirates, Buccaneers, Corsairs, etc.", "Pirates, Buccaneers, Corsairs, etc."),
        ("Recipes ...", "Recipes"),
        ("Happy Hits!", "Happy Hits"),
        ("r/iceland: Daily life of the island", "Daily life of the island"),
        ("/r/audiophile - Quality audio, gear, and reviews", "Quality audio, gear, and reviews"),
        ("Reddit: Democrats", "Democrats"),
        ("Reddit gold", "Reddit gold"),
        ("New York Giants on Reddit", "New York Giants"),
        ("Images that /r/kpop lacks", "Images that kpop lacks"),
        ("/r/GraphicDesign", ""),
        ("A subreddit for ultralight hikers", "Ultralight hikers"),
        ("Welcome to the world of tea", "World of tea"),
        ("All things related to beekeeping", "Beekeeping"),
        ("For DJs who want to learn", "DJs who want to learn"),
        ("All Out 80s", "All Out 80s"),
        ("Fortran", "Fortran"),
        ("Gundam: A place for your favorite mecha universe", "Gundam"),
        ("Woodworking: all things made from trees.", "Woodworking"),
        ("Pokemon - Gotta catch em all!", "Pokemon"),
        ("florida: the sunshine state", "Florida"),
        ("iPad - for artists", "iPad"),
        ("Star Wars: The Old Republic", "Star Wars: The Old Republic"),
        ("Data Analysis - Visualization", "Data Analysis - Visualization"),
        ("NAACL HLT 2010 Second Workshop on Argument Mining (ArgMining2010)", "Argument Mining"),
        ("Workshop on the Use of Computational Methods", "Use of Computational Methods"),
        ("Workshop formats", "Workshop formats"),
        ("Large Language Models (LLMs)", "Large Language Models (LLMs)"),
    ],
)
def test_names_are_said_shortly(name: str, tidied: str) -> None:
    assert clean_name(name) == tidied


def test_a_heading_that_no_one_would_say_is_no_name() -> None:
    assert clean_name("Women -- Suffrage -- United States -- History") is None


@given(st.text(max_size=60))
def test_a_name_is_on_one_line(name: str) -> None:
    tidied = clean_name(name) or ""
    assert tidied == " ".join(tidied.split())


@pytest.mark.parametrize(
    ("name", "several"),
    [
        ("That crack music! The jams that get you moving", True),
        ("Hammocks? My goodness, what an idea", True),
        ("Lives of St. Francis and Mrs. Dalloway", False),
        ("U.S. History", False),
        ("Why does it rain?", False),
    ],
)
def test_several_sentences(name: str, several: bool) -> None:
    assert is_sentences(name) == several
