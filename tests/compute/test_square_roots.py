"""Roots in portable arithmetic are those of numbers, wherever torch is asked for one."""

import math

import numpy as np
import pytest
import torch

from caption_curation.compute.square_roots import PortableSquareRoots


def in_doubles(values: list[float]) -> torch.Tensor:
    return torch.tensor(np.sqrt(np.array(values)), dtype=torch.float32)


VALUES = [0.0, 1e-38, 1e-20, 0.1, 0.25, 2.0, 3.0, 1e10, 3e38, math.inf]


def test_every_way_of_taking_a_root() -> None:
    root = in_doubles(VALUES)
    with PortableSquareRoots():
        values = torch.tensor(VALUES)
        found = [
            values.sqrt(),
            torch.sqrt(values),
            values**0.5,
            values.pow(0.5),
            torch.pow(values, exponent=0.5),
            values.clone().sqrt_(),
            values.clone().pow_(0.5),
            torch._foreach_sqrt([values])[0],
        ]
        several = [values.clone()]
        torch._foreach_sqrt_(several)
        same = values.rsqrt().reciprocal()
    for each in [*found, *several]:
        assert torch.equal(each, same)
        torch.testing.assert_close(each, root, rtol=2.0**-22, atol=0.0)  # two last places


def test_other_powers_and_negative_numbers_are_as_ever() -> None:
    values = torch.tensor([-1.0, 0.5, 4.0])
    exponents = torch.tensor([2.0, 0.5, 0.5])
    expected = [values**2, values**3, values**exponents, 2.0**values, values**-0.5]
    with PortableSquareRoots():
        found = [values**2, values**3, values**exponents, 2.0**values, values**-0.5]
        assert torch.isnan(values.sqrt()).tolist() == [True, False, False]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def test_adamw_takes_its_roots_so(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def root(values: torch.Tensor) -> torch.Tensor:
        taken.append(values.numel())
        return values.rsqrt().reciprocal()

    monkeypatch.setattr("caption_curation.compute.square_roots.square_root", root)
    weights = torch.nn.Parameter(torch.full((3,), 2.0))
    optimizer = torch.optim.AdamW([weights], lr=0.1)
    weights.grad = torch.full((3,), 0.5)
    with PortableSquareRoots():
        optimizer.step()
    assert taken == [3]
    # The first step is of the learning rate's length, after the decay of weights.
    torch.testing.assert_close(weights.detach(), torch.full((3,), 2.0 * (1 - 0.1 * 0.01) - 0.1))
