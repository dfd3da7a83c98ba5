"""How large a model will be on disk."""

import math
from pathlib import Path

from caption_curation.config.params import Params
from caption_curation.config.profile import BlipCheckpoint, HubModel, LocalModel
from caption_curation.model_loading import tensor_shapes

# Parameters of published models, which may not be here yet.
CAPTIONERS = {  # BLIP base at 384 pixels: salesforce/BLIP, by the file's name
    "model_base.pth": 223_971_644,
    "model_base_capfilt_large.pth": 223_971_644,
}
DENOISERS = {"stable-diffusion-v1-5/stable-diffusion-v1-5": 859_520_964}
FP32 = 4  # bytes of a parameter


def network_bytes(file: Path) -> float:
    """Size of a network in fp32, in which its file may not be."""
    return float(sum(FP32 * math.prod(shape) for shape in tensor_shapes(file).values()))


def base_captioner_bytes(params: Params) -> float | None:
    """Size in fp32 of the captioner that training starts from; ``None`` if not known."""
    base = params.profile.captioner.base
    if isinstance(base, BlipCheckpoint):
        parameters = CAPTIONERS.get(base.file)
        return parameters and FP32 * parameters
    return _local_bytes(base, params.experiment.inputs.captioner, "model.safetensors")


def base_denoiser_bytes(params: Params) -> float | None:
    """Size in fp32 of the denoising network that fine-tuning starts from; ``None`` if not known."""
    base = params.profile.generator.base
    if isinstance(base, HubModel):
        parameters = DENOISERS.get(base.id)
        return parameters and FP32 * parameters
    return _local_bytes(
        base, params.experiment.inputs.generator, "unet/diffusion_pytorch_model.safetensors"
    )


def _local_bytes(base: object, folder: str, file: str) -> float | None:
    if not isinstance(base, LocalModel) or not (Path(folder) / file).is_file():
        return None
    return network_bytes(Path(folder) / file)
