"""Square roots that are equal on all processors.

On the path of oneMKL that asks for no processor's maker, roots are refined from an instruction's
estimate (``rsqrtps``), and AMD's and Intel's estimates differ. torch's own reciprocal root is a
root and a division of the processor's, which IEEE 754 rounds in one way only. Its reciprocal is
within two units in the last place of the root.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


def square_root(values: Tensor) -> Tensor:
    """Square roots, element by element; 0 of 0, NaN of what is negative."""
    return values.rsqrt().reciprocal()


class PortableSquareRoots(TorchFunctionMode):
    """A context in which what is called in Python takes :func:`square_root`: torch's, optimizers',
    diffusers' noise schedules'. What torch's own kernels take (norms, deviations) is the
    processor's root already.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in ("pow", "pow_") and _exponent(args, kwargs) == 0.5:
            name = name.replace("pow", "sqrt")
        if name == "sqrt":
            return square_root(args[0])
        if name == "sqrt_":
            return args[0].rsqrt_().reciprocal_()
        if name == "_foreach_sqrt":
            return tuple(map(square_root, args[0]))
        if name == "_foreach_sqrt_":
            for values in args[0]:
                values.rsqrt_().reciprocal_()
            return args[0]
        return func(*args, **(kwargs or {}))


def _exponent(args: tuple[Any, ...], kwargs: Mapping[str, Any] | None) -> Any:
    exponent = args[1] if len(args) > 1 else (kwargs or {}).get("exponent")
    return None if isinstance(exponent, torch.Tensor) else exponent
