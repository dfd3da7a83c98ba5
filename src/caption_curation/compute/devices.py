"""The device and precision that models run in: up to the machine, not to the experiment."""

import os

import torch
from transformers.utils import logging

from caption_curation.support.errors import InputError
from caption_curation.support.launcher import process_info

PRECISIONS = ("no", "bf16")  # of accelerate's; float16 would need the loss to be scaled


def prepare_device() -> torch.device:
    """This process's GPU if there is one, otherwise the CPU, with deterministic computation.

    A CPU uses one thread: the demo's models are too small for a second to pay off, and results must
    not depend on how many happen to be free.

    Raises:
        InputError: there are more processes than GPUs, or the precision is not supported.
    """
    # Progress bars are this project's own; whatever is wrong is raised as an error.
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    _requested_precision()  # so that a wrong one is found before expensive work
    cpu_only = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true")
    if torch.cuda.is_available() and not cpu_only:
        process = process_info()
        if process.local_index >= torch.cuda.device_count():
            raise InputError(
                f"{process.local_count} processes were launched on a machine with "
                f"{torch.cuda.device_count()} GPUs; launch at most one per GPU"
            )
        torch.cuda.set_device(process.local_index)
        return torch.device("cuda", process.local_index)
    torch.set_num_threads(1)
    # As torch.use_deterministic_algorithms(True), which also imports the compiler (0.4 s a stage).
    torch.set_deterministic_debug_mode("error")
    return torch.device("cpu")


def autocast(device: torch.device) -> torch.autocast:
    """Compute in bfloat16 where torch considers that safe, or entirely in float32.

    As accelerate's configuration says (``ACCELERATE_MIXED_PRECISION``); where it says nothing, in
    bfloat16 on a GPU that has it in hardware.
    """
    precision = _requested_precision()
    if precision is None:
        in_hardware = device.type == "cuda" and torch.cuda.is_bf16_supported(
            including_emulation=False
        )
        precision = "bf16" if in_hardware else "no"
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def _requested_precision() -> str | None:
    precision = os.environ.get("ACCELERATE_MIXED_PRECISION")
    if precision is not None and precision not in PRECISIONS:
        raise InputError(
            f"accelerate's mixed precision is {precision!r} (ACCELERATE_MIXED_PRECISION); "
            f"allowed: {', '.join(PRECISIONS)}"
        )
    return precision
