"""How large a model, or what is trained of it, will be on disk."""

import math
from collections.abc import Iterable
from pathlib import Path

from caption_curation.config.params import Params
from caption_curation.config.profile import (
    Adapter,
    BlipCheckpoint,
    GeneratorAdapter,
    HubModel,
    LocalModel,
)
from caption_curation.model_loading import tensor_shapes

# Parameters of published models, which may not be here yet.
CAPTIONERS = {  # BLIP base at 384 pixels: salesforce/BLIP, by the file's name
    "model_base.pth": 223_971_644,
    "model_base_capfilt_large.pth": 223_971_644,
}
DENOISERS = {"stable-diffusion-v1-5/stable-diffusion-v1-5": 859_520_964}
FP32 = 4  # bytes of a parameter
DENOISER_FILES = tuple(
    f"{part}/diffusion_pytorch_model{ending}.safetensors"
    for part in ("unet", "transformer")
    for ending in ("", "-*")
)


def network_bytes(file: Path) -> float:
    """Size of a network in fp32, in which its file may not be."""
    return float(sum(FP32 * math.prod(shape) for shape in tensor_shapes(file).values()))


def base_captioner_bytes(params: Params) -> float | None:
    """Size in fp32 of what is trained of the captioner, all or an adapter; ``None``: not known."""
    base, adapter = params.profile.captioner.base, params.profile.captioner.fine_tuning.adapter
    if isinstance(base, BlipCheckpoint):
        parameters = CAPTIONERS.get(base.file)
        return parameters and FP32 * parameters if adapter is None else None
    file = Path(params.experiment.inputs.captioner) / "model.safetensors"
    if not isinstance(base, LocalModel) or not file.is_file():
        return None
    return trained_bytes([file], adapter)


def trained_bytes(files: Iterable[Path], adapter: Adapter | GeneratorAdapter | None) -> float:
    """Size in fp32 of what is trained of a network: all of it, or an adapter.

    Args:
        files: with the network's weights.
        adapter: of the profile; for each matrix of its modules it has two of its rank (of
            convolutions: one with their kernel, one of a single pixel).
    """
    if adapter is None:
        return sum(network_bytes(file) for file in files)
    shapes = [item for file in files for item in tensor_shapes(file).items()]
    return float(
        sum(
            FP32 * adapter.rank * (shape[0] + math.prod(shape[1:]))
            for name, shape in shapes
            if len(shape) > 1 and _is_adapted(name.removesuffix(".weight"), adapter)
        )
    )


def _is_adapted(module: str, adapter: Adapter | GeneratorAdapter) -> bool:
    return any(f".{module}".endswith(f".{end}") for end in adapter.target_modules)


def trained_of_base_bytes(params: Params) -> float | None:
    """The same of the generator that fine-tuning starts from; ``None`` if that is not known."""
    section = params.profile.generator
    adapter = section.fine_tuning.adapter
    if isinstance(section.base, HubModel):
        parameters = DENOISERS.get(section.base.id)
        return parameters and FP32 * parameters if adapter is None else None
    if not isinstance(section.base, LocalModel):
        return None
    folder = Path(params.experiment.inputs.generator)
    files = [file for pattern in DENOISER_FILES for file in sorted(folder.glob(pattern))]
    return trained_bytes(files, adapter) if files else None
