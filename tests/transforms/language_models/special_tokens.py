"""Special tokens of families of models, from a list and from the sources of transformers."""

import importlib.util
import re
from pathlib import Path

_LIST = Path(__file__).with_name("special_tokens.txt")
_NAMED = re.compile(r"(?:AddedToken\(|\w*_token[\w |:]*=\s*|_tokens\w*=\s*\[)\"([^\"\n]{2,60})\"")


def special_tokens() -> list[str]:
    """The tokens of the list, and those that the tokenizers in the sources of transformers name, if it is installed."""
    lines = [line for line in _LIST.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    listed = {token for line in lines for token in line.partition(": ")[2].split(" ")}
    return sorted(listed | _named_by_transformers())


def _named_by_transformers() -> set[str]:
    found = importlib.util.find_spec("transformers")
    if found is None or not found.submodule_search_locations:
        return set()
    folder = Path(found.submodule_search_locations[0]) / "models"
    named: set[str] = set()
    for file in folder.glob("*/tokenization_*.py"):
        named.update(_NAMED.findall(file.read_text(encoding="utf-8")))
    # Tokens without any sign, such as language codes, are words like others.
    return {token for token in named if re.search(r"[<\[|{(]", token) and re.search(r"[>\]|})]", token)}
