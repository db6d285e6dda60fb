import json
from pathlib import Path

import pytest

from transforms.naming.tuning_metadata import MANIFEST, trained_prompt_fields


def test_a_folder_states_the_prompt_fields_of_its_model(tmp_path: Path) -> None:
    assert trained_prompt_fields(tmp_path) is None
    (tmp_path / MANIFEST).write_text(json.dumps({"prompt": {"prompt_fields": "both"}}))
    assert trained_prompt_fields(tmp_path) == "both"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"prompt": {"prompt_fields": "everything"}}', '{"prompt": []}'])
def test_what_cannot_be_read_is_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(ValueError, match=MANIFEST):
        trained_prompt_fields(tmp_path)
