"""A stage's arithmetic: checked before it computes anything, and recorded beside its results."""

import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from caption_curation.compute.devices import autocast
from caption_curation.compute.numerical_class import fixed_values, numerical_class
from caption_curation.compute.process_group import gather, process_index
from caption_curation.compute.square_roots import PortableSquareRoots
from caption_curation.numerical_classes import (
    MACHINES,
    UNKNOWN,
    class_file,
    read_classes,
    write_classes,
)
from caption_curation.support.arithmetic import Arithmetic, processor_name, unportable_processor
from caption_curation.support.dvc_cache import dvc_cache_folder
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.versions import installed_versions

_square_roots: PortableSquareRoots | None = None
_LOGGED = Path(".dvc/tmp/numerical_class")  # what this checkout has written there last


def begin_computation(
    device: torch.device,
    arithmetic: Arithmetic,
    *results: Path,
    after: Sequence[Path] = (),
) -> str:
    """Check this process's arithmetic, and record it as that of results; all processes call this.

    A log beside DVC's cache says which machine was of which class.

    Args:
        device: that models are on.
        arithmetic: as ``compute.arithmetic`` of params.yaml asks for it.
        results: of the stage, whose class files are written.
        after: results of other stages that it goes on from; where these were computed in another
            class, a line says so.

    Returns:
        The numerical class.

    Raises:
        InputError: portable arithmetic cannot be had, or the stage's processes differ.
    """
    own = enter_arithmetic(device, arithmetic)
    everywhere = gather([own])
    if len(set(everywhere)) > 1:
        listed = [f"process {index + 1}: {each}" for index, each in enumerate(everywhere)]
        raise InputError(
            list_faults("the stage's processes are of different numerical classes", listed)
            + "\nUse machines of one kind, or compute.arithmetic=portable on CPUs"
        )
    if process_index() == 0:
        for result in results:
            write_classes(result, [own])
        for earlier in after:
            _say_if_another(earlier, own)
        _log_machine(own, device)
    return own


def enter_arithmetic(device: torch.device, arithmetic: Arithmetic) -> str:
    """Compute in an arithmetic from here on; the native one is what every process begins in.

    Returns:
        The numerical class.

    Raises:
        InputError: saying what stands against portable arithmetic.
    """
    if arithmetic == "portable":
        _enter_portable(device)
    return numerical_class(device, installed_versions())


def _enter_portable(device: torch.device) -> None:
    faults = _unportable(device)
    if faults:
        raise InputError(
            list_faults("compute.arithmetic = 'portable' cannot be had here", faults)
            + "\nallowed: native anywhere; portable on x86-64 processors with AVX2"
        )
    global _square_roots  # noqa: PLW0603
    if _square_roots is None:
        _square_roots = PortableSquareRoots()
        # For as long as the process runs.
        _square_roots.__enter__()  # type: ignore[no-untyped-call]


def _unportable(device: torch.device) -> list[str]:
    if device.type != "cpu":
        return [
            f"models run on {device.type}, where machines share no arithmetic; "
            "ACCELERATE_USE_CPU=true makes them run on the CPU"
        ]
    processor = unportable_processor()
    if processor:
        return [processor]
    with autocast(device):
        if torch.is_autocast_enabled("cpu"):
            return ["the precision is bfloat16 (ACCELERATE_MIXED_PRECISION); it must be no"]
    return [
        f"{switch} had no effect: was it set before the libraries were loaded?"
        for switch, has_effect in switches_in_effect().items()
        if not has_effect
    ]


def switches_in_effect() -> dict[str, bool]:
    """Whether the libraries of torch compute as the switches of portable arithmetic ask."""
    left = fixed_values(torch.device("cpu"), 64, 2, salt=1)
    right = fixed_values(torch.device("cpu"), 2, 64, salt=2)
    # Only oneMKL's COMPATIBLE rounds each product before it adds; all other paths fuse the two.
    rounded_apart = left[:, :1] * right[:1] + left[:, 1:] * right[1:]
    return {
        "ATEN_CPU_CAPABILITY": torch.backends.cpu.get_cpu_capability() == "AVX2",
        # What oneDNN can compute in bfloat16 needs more than AVX2.
        "ONEDNN_MAX_CPU_ISA": not torch.ops.mkldnn._is_mkldnn_bf16_supported(),
        "MKL_CBWR": torch.equal(left @ right, rounded_apart),
    }


def _say_if_another(earlier: Path, own: str) -> None:
    others = [each for each in read_classes(class_file(earlier)) if each not in (own, UNKNOWN)]
    if others:
        print(
            f"{earlier} was computed in numerical class {', '.join(others)}, and this machine is "
            f"of class {own}: a run of both compares with no run of one",
            flush=True,
        )


def _log_machine(own: str, device: torch.device) -> None:
    if not _LOGGED.parent.is_dir():  # no DVC repository
        return
    on_gpu = device.type == "cuda"
    processor = torch.cuda.get_device_name(device) if on_gpu else processor_name()
    machine = {"class": own, "host": socket.gethostname(), "processor": processor}
    logged = json.dumps(machine)
    if _LOGGED.is_file() and _LOGGED.read_text(encoding="utf-8") == logged:
        return
    file = dvc_cache_folder() / MACHINES
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as log:
        log.write(json.dumps({"since": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **machine}) + "\n")
    _LOGGED.write_text(logged, encoding="utf-8")
