"""The numerical class is equal where the arithmetic of machines is, and differs elsewhere."""

import platform
from fractions import Fraction

import numpy as np
import pytest
import torch

from caption_curation.compute.devices import prepare_device
from caption_curation.compute.numerical_class import (
    FIRST_FACTOR,
    MODULUS,
    OPERATIONS,
    SECOND_FACTOR,
    fingerprint,
    fixed_values,
    numerical_class,
)
from tests.compute.another_process import printed

VERSIONS = {"torch": "2.13.0"}
X86 = platform.machine() in ("x86_64", "AMD64")
PRINT_FINGERPRINT = """
import json
from caption_curation.compute.devices import prepare_device
from caption_curation.compute.numerical_class import fingerprint
print(json.dumps(fingerprint(prepare_device())))
"""


def in_another_process(**environment: str) -> dict[str, str]:
    found: dict[str, str] = printed(PRINT_FINGERPRINT, **environment)
    return found


def test_fixed_values_are_the_nearest_numbers_to_their_quotients() -> None:
    values = fixed_values(torch.device("cpu"), 10, 200, salt=3).flatten().tolist()
    half = MODULUS // 2
    for place, value in enumerate(values):
        exact = Fraction((place * FIRST_FACTOR + 3 * SECOND_FACTOR) % MODULUS - half, half + 5)
        below, above = (np.nextafter(np.float32(value), np.float32(to)) for to in (-2, 2))
        error = abs(Fraction(value) - exact)
        assert error <= abs(Fraction(float(below)) - exact)
        assert error <= abs(Fraction(float(above)) - exact)
    assert max(map(abs, values)) < 1


def test_two_processes_of_a_machine_have_one_fingerprint() -> None:
    here = fingerprint(prepare_device())
    assert list(here) == list(OPERATIONS)
    assert len(set(here.values())) == len(here)
    assert in_another_process() == here


@pytest.mark.skipif(not X86, reason="the switch chooses among the code paths of x86-64")
def test_another_width_of_vectors_shows_in_the_operations_that_use_it() -> None:
    narrow, plain = (in_another_process(ATEN_CPU_CAPABILITY=name) for name in ("avx2", "default"))
    assert narrow["softmax"] != plain["softmax"]
    assert narrow["product of 544 x 96 by 96 x 384"] == plain["product of 544 x 96 by 96 x 384"]


@pytest.mark.skipif(not X86, reason="the switch is one of oneMKL's, which runs on x86-64")
def test_products_without_fused_additions_show() -> None:
    usual, compatible = in_another_process(), in_another_process(MKL_CBWR="COMPATIBLE")
    assert (
        usual["product of 256 x 192 by 192 x 384"]
        != compatible["product of 256 x 192 by 192 x 384"]
    )
    assert usual["softmax"] == compatible["softmax"]


def test_versions_and_precision_are_part_of_the_class(monkeypatch: pytest.MonkeyPatch) -> None:
    device = prepare_device()
    name = numerical_class(device, VERSIONS)
    assert name == numerical_class(device, VERSIONS)
    assert name != numerical_class(device, {"torch": "2.14.0"})
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert name != numerical_class(device, VERSIONS)
