from pathlib import Path

import pytest

from transforms.precision.dtype import cpu_has_bfloat16, multiplies_integers, resolve_dtype


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


@pytest.mark.models
def test_32_bits_without_16_bit_arithmetic_or_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    cpu = torch.device("cpu")
    for native, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr("transforms.precision.dtype.cpu_has_bfloat16", lambda native=native: native)
        assert resolve_dtype("auto", cpu) == expected
        assert resolve_dtype("float32", cpu) == torch.float32
        assert resolve_dtype("bfloat16", cpu) == torch.bfloat16
    assert resolve_dtype("auto", torch.device("mps")) == torch.float32


@pytest.mark.models
def test_integers_in_place_of_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    cpu = torch.device("cpu")
    for native in (True, False):
        monkeypatch.setattr("transforms.precision.dtype.cpu_has_bfloat16", lambda native=native: native)
        assert multiplies_integers("auto", cpu, int8_without_bfloat16=True) is not native
        assert not multiplies_integers("auto", cpu, int8_without_bfloat16=False)
        assert not multiplies_integers("auto", torch.device("cuda"), int8_without_bfloat16=True)
        assert not multiplies_integers("float32", cpu, int8_without_bfloat16=True)
        assert multiplies_integers("int8", cpu, int8_without_bfloat16=False)
