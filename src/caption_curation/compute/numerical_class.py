"""The arithmetic that a machine computes models with, as a short name.

Two processors may round a matrix product, an exponential or a convolution differently, because the
libraries choose a code path by the make of the processor and by its instructions. Neither the name
of a processor nor a list of its instructions tells which: hosts of one name take different paths.
So the operations themselves are asked: each is computed on fixed inputs, of small and of the demo
models' own shapes, and what comes out is hashed. Equal *numerical classes* mean equal arithmetic,
and equal arithmetic and inputs give equal bytes.
"""

import hashlib
import json
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from caption_curation.compute.devices import autocast

CLASS_DIGITS = 12  # hexadecimal digits of a class
FIRST_FACTOR, SECOND_FACTOR, MODULUS = 7919, 104729, 1009  # primes


def numerical_class(device: torch.device, versions: Mapping[str, str | None]) -> str:
    """The numerical class of a device, :data:`CLASS_DIGITS` hexadecimal digits.

    Args:
        device: as :func:`~caption_curation.compute.devices.prepare_device` prepared it.
        versions: of the libraries that compute, by name.
    """
    content = {"operations": fingerprint(device), "versions": dict(versions)}
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:CLASS_DIGITS]


def fingerprint(device: torch.device) -> dict[str, str]:
    """What each operation gives on fixed inputs, as 12 hexadecimal digits, by its name.

    It takes some tens of milliseconds on a CPU. The precision is the one that models run in, see
    :func:`~caption_curation.compute.devices.autocast`.
    """
    digests = {}
    for name, operation in OPERATIONS.items():
        with autocast(device):
            result = operation(device)
        content = result.detach().float().cpu().contiguous().numpy().tobytes()
        digests[name] = hashlib.sha256(content).hexdigest()[:12]
    return digests


def fixed_values(device: torch.device, *shape: int, salt: int) -> Tensor:
    """Numbers in (-1, 1) that are equal on every machine, and whose products have to be rounded.

    They are quotients of small whole numbers: IEEE 754 rounds a division in one way only.

    Args:
        device: where to put them.
        shape: of the tensor, float32.
        salt: other numbers for another salt.
    """
    places = torch.arange(torch.Size(shape).numel(), dtype=torch.int64)
    numerators = (places * FIRST_FACTOR + salt * SECOND_FACTOR) % MODULUS - MODULUS // 2
    return (numerators.float() / (MODULUS // 2 + 5)).reshape(shape).to(device)


def _product(rows: int, inner: int, columns: int) -> Callable[[torch.device], Tensor]:
    def operation(device: torch.device) -> Tensor:
        left = fixed_values(device, rows, inner, salt=1)
        return left @ fixed_values(device, inner, columns, salt=2)

    return operation


def _of_vector(
    function: Callable[[Tensor], Tensor], *shape: int
) -> Callable[[torch.device], Tensor]:
    def operation(device: torch.device) -> Tensor:
        return function(8 * fixed_values(device, *shape, salt=3))

    return operation


def _convolution(
    channels: int, size: int, kernel: int, outputs: int, *, stride: int = 1
) -> Callable[[torch.device], Tensor]:
    def operation(device: torch.device) -> Tensor:
        images = fixed_values(device, 4, channels, size, size, salt=4)
        weights = fixed_values(device, outputs, channels, kernel, kernel, salt=5)
        padding = kernel // 2 if stride == 1 else 0
        return functional.conv2d(images, weights, stride=stride, padding=padding)

    return operation


def _batched_product(device: torch.device) -> Tensor:
    queries = fixed_values(device, 128, 17, 24, salt=6)
    return torch.bmm(queries, fixed_values(device, 128, 24, 17, salt=7))


def _training_step(device: torch.device) -> Tensor:
    """Weights after one backward pass and one step of AdamW."""
    inputs = fixed_values(device, 32, 96, salt=8)
    weights = fixed_values(device, 96, 384, salt=9).requires_grad_()
    targets = (torch.arange(32) * 7).to(device)
    with torch.enable_grad():
        hidden = functional.gelu(functional.layer_norm(inputs, (96,)) @ weights)
        functional.cross_entropy(hidden, targets, label_smoothing=0.1).backward()  # type: ignore[no-untyped-call]
    gradient = weights.grad
    assert gradient is not None
    # As torch.optim.AdamW's first step, whose import takes a second for the compiler.
    first = torch.zeros_like(gradient).lerp_(gradient, 0.1)
    second = torch.zeros_like(gradient).addcmul_(gradient, gradient, value=0.001)
    step = weights.detach() * (1 - 1e-3 * 0.05)
    return step.addcdiv_(first, (second.sqrt() / 0.001**0.5).add_(1e-8), value=-1e-3 / 0.1)


OPERATIONS: Mapping[str, Callable[[torch.device], Tensor]] = {
    "product of 64 x 64 by 64 x 64": _product(64, 64, 64),
    "product of 256 x 192 by 192 x 384": _product(256, 192, 384),
    "product of 544 x 96 by 96 x 384": _product(544, 96, 384),  # 32 images of the demo's captioner
    "product of 50 x 512 by 512 x 512": _product(50, 512, 512),
    "product of 1 x 768 by 768 x 768": _product(1, 768, 768),
    "batched product": _batched_product,
    "exp": _of_vector(torch.exp, 4099),
    "square root": _of_vector(lambda values: values.abs().sqrt(), 4099),
    "sum": _of_vector(torch.sum, 100_003),
    "softmax": _of_vector(lambda values: torch.softmax(values, dim=-1), 64, 197),
    "gelu": _of_vector(functional.gelu, 4099),
    "silu": _of_vector(functional.silu, 4099),
    "layer norm": _of_vector(lambda values: functional.layer_norm(values, (96,)), 64, 96),
    "group norm": _of_vector(lambda values: functional.group_norm(values, 32), 2, 64, 8, 8),
    "convolution of 64 channels": _convolution(64, 8, 3, 64),
    "convolution of 128 channels": _convolution(128, 4, 3, 128),
    "patches": _convolution(3, 32, 8, 96, stride=8),
    "training step": _training_step,
}
