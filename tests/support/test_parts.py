"""Parts of a map: what was saved is there again to the bit, and what is damaged is not believed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caption_curation.support.parts import Form, Parts, arrays, json_lines

TEXTS: Form[Any] = json_lines(encode=lambda text: text, decode=lambda text: text)


def save(folder: Path, results: dict[int, Any], form: Form[Any] = TEXTS) -> None:
    parts = Parts(folder, form, 3)
    for item, result in results.items():
        parts.add(item, result)


def finished(folder: Path, form: Form[Any] = TEXTS) -> dict[int, Any]:
    return Parts(folder, form, 3).finished()


def test_full_parts_are_saved(tmp_path: Path) -> None:
    assert finished(tmp_path / "none") == {}
    save(tmp_path, {item: f"result {item}\u2028" for item in range(8)})
    assert finished(tmp_path) == {item: f"result {item}\u2028" for item in range(6)}
    assert len(list(tmp_path.iterdir())) == 2


def test_numbers_keep_all_their_digits(tmp_path: Path) -> None:
    numbers = [0.1 + 0.2, 1e-320, float(np.nextafter(1, 2)), -0.0, float("inf"), 2**70]
    save(tmp_path, dict.fromkeys(range(3), numbers))
    assert [repr(number) for number in finished(tmp_path)[2]] == [*map(repr, numbers)]


def test_arrays_keep_their_bits_shapes_and_types(tmp_path: Path) -> None:
    saved: dict[int, Any] = {
        0: np.array([[0.1, np.nan], [-0.0, np.inf]], np.float32),
        12: np.arange(6, dtype=np.float16).reshape(1, 2, 3),
        3: np.zeros((0, 5), np.float32),
    }
    save(tmp_path, saved, arrays())
    found = finished(tmp_path, arrays())
    assert list(found) == [0, 3, 12]
    for item, array in saved.items():
        assert (found[item].dtype, found[item].shape) == (array.dtype, array.shape)
        assert found[item].tobytes() == array.tobytes()


def test_several_processes_save_into_one_folder(tmp_path: Path) -> None:
    save(tmp_path, {0: "a", 2: "c", 4: "e"})
    save(tmp_path, {1: "b", 3: "d", 5: "f"})
    assert finished(tmp_path) == dict(enumerate("abcdef"))


@pytest.mark.parametrize("form", [TEXTS, arrays()], ids=["json lines", "safetensors"])
@pytest.mark.parametrize("damage", ["cut off", "empty", "another byte", "left by a kill"])
def test_a_damaged_part_is_not_believed(tmp_path: Path, form: Form[Any], damage: str) -> None:
    results: dict[int, Any] = dict.fromkeys(range(6), "text")
    if form is not TEXTS:
        results = {item: np.full(3, item, np.float32) for item in range(6)}
    save(tmp_path, results, form)
    _first, second = sorted(tmp_path.iterdir())
    content = second.read_bytes()
    if damage == "cut off":
        second.write_bytes(content[:-3])
    elif damage == "empty":
        second.write_bytes(b"")
    elif damage == "another byte":
        second.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    else:
        second.rename(second.with_name(f"{second.name}.partial"))
    assert list(finished(tmp_path, form)) == [0, 1, 2]
    save(tmp_path, {item: results[item] for item in (3, 4, 5)}, form)
    assert list(finished(tmp_path, form)) == [0, 1, 2, 3, 4, 5]
    assert second.read_bytes() == content
