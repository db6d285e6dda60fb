from pathlib import Path

import pytest

from transforms.language_models.dtype import cpu_has_bfloat16, cpu_has_int8, resolve_dtype
from transforms.model_files import ModelUnavailableError


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 clzero", True),
        ("flags\t\t: fpu amx_tile amx_bf16\n\nprocessor\t: 1", True),
        ("flags\t\t: fpu avx512f avx512_vnni avx512_bf16_other", False),
        ("", False),
    ],
)
def test_a_processor_says_that_it_multiplies_bfloat16(tmp_path: Path, flags: str, expected: bool) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\n")
    assert cpu_has_bfloat16(tmp_path / "cpuinfo") is expected
    assert not cpu_has_bfloat16(tmp_path / "none")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_vnni", True),
        ("flags\t\t: fpu avx2 avx_vnni", True),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni_other", False),
    ],
)
def test_a_processor_says_that_it_multiplies_8_bits(tmp_path: Path, flags: str, expected: bool) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\n")
    assert cpu_has_int8(tmp_path / "cpuinfo") is expected
    assert not cpu_has_int8(tmp_path / "none")


@pytest.mark.parametrize("bfloat16", [True, False])
@pytest.mark.parametrize("int8", [True, False])
def test_the_type_is_that_of_the_processor_or_the_requested_one(
    monkeypatch: pytest.MonkeyPatch, bfloat16: bool, int8: bool
) -> None:
    torch = pytest.importorskip("torch")
    cpu, other = torch.device("cpu"), torch.device("mps")
    monkeypatch.setattr("transforms.language_models.dtype.cpu_has_bfloat16", lambda: bfloat16)
    monkeypatch.setattr("transforms.language_models.dtype.cpu_has_int8", lambda: int8)
    assert resolve_dtype("auto", cpu) == (torch.bfloat16 if bfloat16 else torch.float32)
    assert resolve_dtype("float32", cpu) == torch.float32
    assert resolve_dtype("bfloat16", cpu) == torch.bfloat16
    assert resolve_dtype("auto", other) == torch.float32
    if int8:
        assert resolve_dtype("int8", cpu) == torch.int8
    else:
        with pytest.raises(ModelUnavailableError, match="needs a processor with VNNI"):
            resolve_dtype("int8", cpu)
    with pytest.raises(ModelUnavailableError, match="not mps"):
        resolve_dtype("int8", other)
