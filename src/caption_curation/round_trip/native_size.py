"""The image size that a Stable Diffusion was made for."""

import json
from pathlib import Path


def native_size(folder: Path) -> int:
    """Width and height, in pixels, of a generator's own images.

    They are the denoiser's latent size times what the decoder enlarges it by: 512 for Stable
    Diffusion 1.5 and 2-base, 768 for Stable Diffusion 2.

    Args:
        folder: a model in the hub's layout.
    """
    unet, vae = (
        json.loads((folder / part / "config.json").read_text(encoding="utf-8"))
        for part in ("unet", "vae")
    )
    # Every block of the decoder but the last doubles width and height.
    enlarged: int = 2 ** (len(vae["block_out_channels"]) - 1)
    return int(unet["sample_size"]) * enlarged
