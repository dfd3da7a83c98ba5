"""The family that the documentation adds, as it is written there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caption_curation.config.experiment import Synthesis
from caption_curation.support.errors import InputError
from caption_curation.text_to_image import families
from caption_curation.text_to_image.bases.published import copy_published
from caption_curation.text_to_image.family import GENERATORS, refuse_unsupported
from caption_curation.text_to_image.image_store import ImageRequest
from caption_curation.text_to_image.synthesis.overflow import load_token_limit
from caption_curation.text_to_image.synthesis.requests import image_generator
from tests.test_documented_commands import blocks
from tests.text_to_image.tiny_generators import SIZE, stable_diffusion

PAGE = "docs/how-to/own-generator.md"
NAME = "latent_consistency_model"


def latent_consistency_model() -> Any:
    """A tiny one: a Stable Diffusion whose denoiser is told the guidance."""
    from diffusers import LatentConsistencyModelPipeline, LCMScheduler, UNet2DConditionModel

    like = stable_diffusion()
    unet = UNet2DConditionModel.from_config(like.unet.config, time_cond_proj_dim=8)
    return LatentConsistencyModelPipeline(
        vae=like.vae, text_encoder=like.text_encoder, tokenizer=like.tokenizer, unet=unet,
        scheduler=LCMScheduler(), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip


def test_the_documented_family_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    latent_consistency_model().save_pretrained(tmp_path / "theirs")
    with pytest.raises(InputError, match=r"LatentConsistencyModelPipeline.*families flux, "):
        copy_published(tmp_path / "theirs", tmp_path / "ours")

    (code,) = [content for language, content in blocks(PAGE) if language == "python"]
    package = tmp_path / "families"
    package.mkdir()
    (package / f"{NAME}.py").write_text(code)
    monkeypatch.setattr(families, "__path__", [*families.__path__, str(package)])

    copy_published(tmp_path / "theirs", tmp_path / "ours")
    assert GENERATORS.name(tmp_path / "ours") == NAME
    assert load_token_limit(tmp_path / "ours").max_tokens == 77
    values = {"sampler": "native", "steps": 2, "guidance": 3.0, "negative_prompt": ""}
    synthesis = Synthesis.model_validate(values)
    refuse_unsupported(tmp_path / "ours", synthesis=synthesis)
    unlike = Synthesis.model_validate(values | {"sampler": "ddim", "negative_prompt": "blur"})
    with pytest.raises(InputError, match=r"(?s)sampler = 'ddim'.*negative_prompt = 'blur'"):
        refuse_unsupported(tmp_path / "ours", synthesis=unlike)
    draw = image_generator(tmp_path / "ours", synthesis, SIZE, 2)
    requests = [ImageRequest("a red picture", 1), ImageRequest("all of it is blue", 2)]
    together = np.stack([np.asarray(image, np.int16) for image in draw(requests)])
    alone = np.stack([np.asarray(draw([request])[0], np.int16) for request in requests])
    assert np.abs(together - alone).max() <= 1
    assert np.abs(together[0] - together[1]).max() > 5
