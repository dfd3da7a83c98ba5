"""Disk space, shared memory, GPUs, and the arithmetic that models run in."""

import os
import shutil
from pathlib import Path

from caption_curation.doctor.findings import Finding, ok, problem, warning

LEAST_FREE, LITTLE_FREE = 1e9, 10e9  # bytes; a run of the demo leaves about half a gigabyte
LEAST_SHARED = 1e9  # bytes; a container has 64 MB unless it is told otherwise
SHARED = Path("/dev/shm")
NVIDIA = Path("/proc/driver/nvidia/gpus")


def check_disk(folder: Path, what: str) -> Finding:
    """Whether there is room where a folder lies."""
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:,.1f} GB are free for {what}"
    if free < LEAST_FREE:
        return problem(found, "make room: `dvc gc --workspace` removes what no experiment needs")
    if free < LITTLE_FREE:
        return warning(found, "`caption-curation plan` says what a run needs")
    return ok(found)


def check_shared_memory() -> Finding:
    """Whether processes that load images or train together have room to share."""
    if not SHARED.is_dir():
        return ok(f"no {SHARED} on this system")
    total = shutil.disk_usage(SHARED).total
    found = f"{SHARED} has {total / 1e9:,.2f} GB"
    if total < LEAST_SHARED:
        return warning(
            f"{found}, which is little where a GPU is fed by several processes",
            "start the container with --shm-size=2g",
        )
    return ok(found)


def check_gpus() -> Finding:
    """What models run on; a GPU that torch cannot use is a problem."""
    import torch

    count = torch.cuda.device_count()
    if count:
        gpus = [torch.cuda.get_device_properties(index) for index in range(count)]
        shown = [f"{gpu.name} ({gpu.total_memory / 1e9:,.0f} GB)" for gpu in gpus]
        return ok(f"{count} GPU(s): {', '.join(shown)}")
    if NVIDIA.is_dir() and any(NVIDIA.iterdir()):
        if torch.version.cuda is None:
            return warning(
                f"a GPU is here, but torch {torch.__version__} is a build for CPUs",
                "install the CUDA build of the same version",
            )
        return warning(
            f"a GPU is here, but torch {torch.__version__} cannot use it",
            f"it needs a driver for CUDA {torch.version.cuda}; CUDA_VISIBLE_DEVICES may hide it",
        )
    return ok(f"no GPU: models run on {os.cpu_count()} CPUs")
