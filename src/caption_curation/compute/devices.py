"""The device and the precision that models run in: the machine's business, not an experiment's."""

import os

import torch
from transformers.utils import logging

from caption_curation.support.errors import InputError
from caption_curation.support.launcher import these_processes

PRECISIONS = ("no", "bf16")  # of accelerate's; float16 would need the loss to be scaled


def prepare_device() -> torch.device:
    """This process's GPU if there is one, otherwise the CPU, with deterministic computation.

    One thread does the work of a CPU: the demo's models are too small for two to pay, and results
    must not depend on how many happen to be free.

    Raises:
        InputError: there are more processes than GPUs, or the precision is not one of ours.
    """
    # Progress is ours to show; what is wrong comes as an error.
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    _asked_precision()  # so that a wrong one is found before expensive work
    cpu_only = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true")
    if torch.cuda.is_available() and not cpu_only:
        processes = these_processes()
        if processes.local_index >= torch.cuda.device_count():
            raise InputError(
                f"{processes.local_count} processes were launched on a machine with "
                f"{torch.cuda.device_count()} GPUs; launch at most one a GPU"
            )
        torch.cuda.set_device(processes.local_index)
        return torch.device("cuda", processes.local_index)
    torch.set_num_threads(1)
    # As torch.use_deterministic_algorithms(True), which also imports the compiler (0.4 s a stage).
    torch.set_deterministic_debug_mode("error")
    return torch.device("cpu")


def autocast(device: torch.device) -> torch.autocast:
    """Compute in bfloat16, where torch finds that safe, or wholly in float32.

    As accelerate's configuration says (``ACCELERATE_MIXED_PRECISION``); where it says nothing, in
    bfloat16 on a GPU that has it in hardware.
    """
    precision = _asked_precision()
    if precision is None:
        in_hardware = device.type == "cuda" and torch.cuda.is_bf16_supported(
            including_emulation=False
        )
        precision = "bf16" if in_hardware else "no"
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def _asked_precision() -> str | None:
    precision = os.environ.get("ACCELERATE_MIXED_PRECISION")
    if precision is not None and precision not in PRECISIONS:
        raise InputError(
            f"accelerate's mixed precision is {precision!r} (ACCELERATE_MIXED_PRECISION); "
            f"allowed: {', '.join(PRECISIONS)}"
        )
    return precision
