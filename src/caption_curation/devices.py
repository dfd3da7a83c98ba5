"""The device that models run on: the machine's business, not an experiment's."""

import torch
from transformers.utils import logging


def prepare_device() -> torch.device:
    """The first GPU if there is one, otherwise the CPU, with deterministic computation.

    One thread does the work of a CPU: the demo's models are too small for two to pay, and results
    must not depend on how many happen to be free.
    """
    # Progress is ours to show; what is wrong comes as an error.
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    if torch.cuda.is_available():
        return torch.device("cuda")
    torch.set_num_threads(1)
    # As torch.use_deterministic_algorithms(True), which also imports the compiler (0.4 s a stage).
    torch.set_deterministic_debug_mode("error")
    return torch.device("cpu")
