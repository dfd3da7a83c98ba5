"""Which arithmetic models are computed in: the machine's own, or one that machines share.

Libraries choose a code path by the make of the processor and by its instructions: matrix products
and exponentials by oneMKL's, softmax and reductions by torch's width of vectors, convolutions and
gelu by oneDNN's. *Portable* arithmetic makes them all take the path that every x86-64 processor
with AVX2 has, at the price of time.

The switches are environment variables that are read once, when the libraries are loaded; this
module imports none of them.
"""

import os
import platform
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Literal

from caption_curation.support.errors import InputError

Arithmetic = Literal["native", "portable"]

SWITCHES = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own kernels
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "COMPATIBLE",  # the one path of oneMKL that does not ask for the processor's maker
    "OPENBLAS_CORETYPE": "Haswell",  # numpy's products
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # numpy's exponentials
}
NEEDED = "avx2"  # as the kernel calls it
CPU_INFO = Path("/proc/cpuinfo")


def set_switches(params_file: Path, environment: MutableMapping[str, str] = os.environ) -> None:
    """Set the switches where a parameter file asks for portable arithmetic.

    Processes that this one starts inherit them. A file that cannot be read, or holds something
    else, changes nothing: whoever reads the parameters says what is wrong with them.
    """
    if _requested(params_file) == "portable":
        environment.update(SWITCHES)


def check_processor(arithmetic: Arithmetic) -> None:
    """Refuse portable arithmetic on a processor that has none.

    Raises:
        InputError: naming the processor.
    """
    if arithmetic == "portable" and (reason := unportable_processor()):
        raise InputError(f"params.yaml: compute.arithmetic = 'portable': {reason}; allowed: native")


def unportable_processor(machine: str | None = None, cpu_info: str | None = None) -> str | None:
    """Why this machine's processor has no portable arithmetic; ``None`` if it has.

    Args:
        machine: the processor's architecture; of this one, if ``None``.
        cpu_info: what the kernel says of the processor; of this one, if ``None``.
    """
    machine = machine or platform.machine()
    if machine not in ("x86_64", "AMD64"):
        return f"the processor is {machine}; portable arithmetic is that of x86-64"
    if cpu_info is None and CPU_INFO.is_file():
        cpu_info = CPU_INFO.read_text(encoding="utf-8", errors="replace")
    # Where the kernel says nothing (macOS), the check of the switches tells.
    if cpu_info and NEEDED not in cpu_info.split():
        return "the processor has no AVX2, which portable arithmetic needs"
    return None


def processor_name() -> str:
    """As the kernel calls the processor; its architecture where the kernel says nothing."""
    lines = CPU_INFO.read_text(encoding="utf-8").splitlines() if CPU_INFO.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _requested(params_file: Path) -> Any:
    import yaml

    try:
        content = yaml.safe_load(params_file.read_text(encoding="utf-8"))
        return content["compute"]["arithmetic"]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError):
        return None
