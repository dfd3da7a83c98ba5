"""The benchmark of other families: real sizes on no device, and real measuring of tiny models."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from PIL import Image

from benchmarks import families, published
from benchmarks.published import GENERATORS, Part, PublishedGenerator
from benchmarks.random_captioners import CAPTIONERS, GIT, SMOLVLM, VIT_GPT2, PublishedCaptioner
from benchmarks.random_families import write_generator
from caption_curation.config.params import Params, load_params
from caption_curation.config.profile import Adapter, Generator
from caption_curation.experiments.planning.benchmarked import benchmarked
from caption_curation.experiments.planning.work import GENERATING, SCORING, TRAINING
from caption_curation.samples import CaptionedImage, samples_of
from caption_curation.shown_images import shown_files
from caption_curation.text_to_image.adapters import refuse_absent_modules
from caption_curation.text_to_image.family import abilities_of, refuse_unsupported
from tests.captioner import tiny_models
from tests.conftest import REPOSITORY
from tests.text_to_image.tiny_generators import CAPTIONS, SIZE
from tests.text_to_image.tiny_generators import write_generator as write_tiny

META = torch.device("meta")


def parameters(network: torch.nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


def part(generator: PublishedGenerator, name: str) -> Part:
    found = generator.parts[name]
    assert isinstance(found, Part)
    return found


@pytest.mark.parametrize(
    ("generator", "name", "number", "digits"),
    [
        # Podell et al. 2023, table 1: UNet 2.6 B, text encoders 817 M
        (published.SDXL, "unet", 2.6e9, 2),
        # the card: two billion
        (published.SD3_MEDIUM, "transformer", 2e9, 1),
        # total_size of the weights' index, of 16 bits each
        (published.FLUX_SCHNELL, "transformer", 23_782_357_120 / 2, 11),
        (published.SD3_MEDIUM, "text_encoder_3", 9_524_621_312 / 2, 10),
        # Chen et al. 2024, PixArt-Σ: 0.6 B
        (published.PIXART_SIGMA, "transformer", 0.6e9, 1),
        # Xie et al. 2024, Sana-0.6B: 590 M
        (published.SANA, "transformer", 590e6, 2),
        # Gemma Team 2024, Gemma 2 2B: 2.6 B with embeddings
        (published.SANA, "text_encoder", 2.6e9, 2),
    ],
    ids=lambda value: value.pipeline if isinstance(value, PublishedGenerator) else None,
)
def test_generators_have_the_published_sizes(
    generator: PublishedGenerator, name: str, number: float, digits: int
) -> None:
    made = parameters(part(generator, name).make(META, torch.bfloat16))
    assert float(f"{made:.{digits - 1}e}") == float(f"{number:.{digits - 1}e}")


def test_sdxls_text_encoders_have_the_published_size_together() -> None:
    encoders = [
        part(published.SDXL, name).make(META, torch.bfloat16)
        for name in ("text_encoder", "text_encoder_2")
    ]
    # 817 M; the second one's projection (1.6 M), which the table leaves out, is within a million
    assert sum(map(parameters, encoders)) == pytest.approx(817e6, abs=1e6)


def test_captioners_have_the_published_sizes() -> None:
    def made(captioner: PublishedCaptioner) -> Any:
        tokenizer = captioner.tokenizer(["a red ring"])
        with META:
            return captioner.make(tokenizer)

    git, vit_gpt2, smolvlm = made(GIT), made(VIT_GPT2), made(SMOLVLM)
    # Wang et al. 2022: 129 M for GIT_B, without the embeddings of words and what gives them back
    words = git.git.embeddings.word_embeddings.weight.numel() + git.output.weight.numel()
    assert parameters(git) - words == pytest.approx(129e6, rel=0.01)
    # Dosovitskiy et al. 2021, table 1: ViT-Base 86 M; openai/gpt-2: 124 M, without cross-attention
    assert parameters(vit_gpt2.encoder) == pytest.approx(86e6, rel=0.01)
    decoder = sum(
        value.numel() for name, value in vit_gpt2.decoder.named_parameters() if "cross" not in name
    )
    assert decoder == pytest.approx(124e6, rel=0.01)
    # huggingface/blog, smolervlm.md: half a billion, with SmolLM2 of 360 M
    assert parameters(smolvlm) == pytest.approx(500e6, rel=0.02)
    assert parameters(smolvlm.model.text_model) == pytest.approx(360e6, rel=0.01)


def profile_of(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((REPOSITORY / f"profiles/{name}.yaml").read_text())
    return content


@pytest.mark.parametrize("name", ["flickr30k_sdxl", "flickr30k_sd3", "flickr30k_flux"])
def test_a_profile_asks_of_its_generator_what_that_can_do(name: str, tmp_path: Path) -> None:
    section = Generator.model_validate(profile_of(name)["generator"])
    base: Any = section.base
    (generator,) = (each for each in GENERATORS if base.id in each.models)
    (tmp_path / "model_index.json").write_text(
        f'{{"_class_name": "{generator.pipeline}", "text_encoder_3": ["transformers", "T5"]}}'
    )
    for place in generator.parts.keys() & {"unet", "transformer", "vae"}:
        network = part(generator, place).make(META, torch.bfloat16)
        network.save_config(tmp_path / place)
        if place != "vae" and section.fine_tuning.adapter:
            refuse_absent_modules(network, section.fine_tuning.adapter.target_modules)
    tokenizer = tmp_path / "tokenizer/tokenizer_config.json"
    tokenizer.parent.mkdir()
    tokenizer.write_text('{"model_max_length": 77}')
    refuse_unsupported(tmp_path, section=section)
    assert section.image_size == abilities_of(tmp_path).native_size == generator.image_size


@pytest.mark.parametrize(
    ("name", "captioner"), [("flickr30k_git", GIT), ("flickr30k_smolvlm", SMOLVLM)]
)
def test_a_captioner_is_measured_as_its_profile_uses_it(
    name: str, captioner: PublishedCaptioner
) -> None:
    section = profile_of(name)["captioner"]
    assert section["base"]["id"] in captioner.models
    adapter = captioner.adapter and captioner.adapter.model_dump()
    assert section["fine_tuning"]["adapter"] == adapter
    assert (section["image_size"], section["instruction"]) == (
        captioner.image_size,
        captioner.instruction,
    )
    assert captioner in CAPTIONERS


# -------------------------------------------------------------- measuring, of tiny models

SMALL: dict[str, dict[str, Any]] = {
    "CLIPTextModelWithProjection": {
        "vocab_size": 1000, "hidden_size": 16, "intermediate_size": 16, "projection_dim": 16,
        "num_hidden_layers": 2, "num_attention_heads": 2,
    },
    "T5EncoderModel": {
        "vocab_size": 100, "d_ff": 16, "d_kv": 8, "d_model": 32, "num_heads": 2, "num_layers": 1,
    },
    "AutoencoderKL": {
        "block_out_channels": (8,) * 4, "layers_per_block": 1, "norm_num_groups": 2,
    },
    "SD3Transformer2DModel": {
        "sample_size": 8, "num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 8,
        "joint_attention_dim": 32, "caption_projection_dim": 16, "pooled_projection_dim": 32,
        "pos_embed_max_size": 16,
    },
    "Gemma2Model": {
        "vocab_size": 100, "hidden_size": 16, "intermediate_size": 16, "head_dim": 8,
        "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
    },
    "AutoencoderDC": {
        "encoder_block_out_channels": (8,) * 6, "decoder_block_out_channels": (8,) * 6,
        "encoder_layers_per_block": (1,) * 6, "decoder_layers_per_block": (1,) * 6,
        "attention_head_dim": 2, "latent_channels": 4,
    },
    "SanaTransformer2DModel": {
        "in_channels": 4, "out_channels": 4, "num_layers": 1, "num_attention_heads": 2,
        "attention_head_dim": 4, "num_cross_attention_heads": 2, "cross_attention_head_dim": 4,
        "cross_attention_dim": 8, "caption_channels": 16,
    },
}  # fmt: skip


def small(generator: PublishedGenerator, image_size: int) -> PublishedGenerator:
    """The same with tiny networks."""
    parts = {
        name: replace(each, config={**each.config, **SMALL.get(each.kind, {})})
        if isinstance(each, Part)
        else each
        for name, each in generator.parts.items()
    }
    return replace(generator, parts=parts, image_size=image_size, steps=2, images=2)


@pytest.mark.parametrize("generator", [published.SD3_MEDIUM, published.SANA])
def test_a_model_of_configurations_alone_is_drawn_with(
    generator: PublishedGenerator, tmp_path: Path
) -> None:
    tiny = small(generator, 64)
    folder = write_generator(tiny, tmp_path / "model", torch.device("cpu"), torch.float32)
    row = families.drawing_row(tiny, folder, CAPTIONS, 1)
    assert row.values[0] > 0
    assert row.of == {"work": GENERATING, "models": list(generator.models), "image_size": 64,
                      "steps": 2, "guidance": True}  # fmt: skip


def test_without_guidance_the_row_says_so(tmp_path: Path) -> None:
    folder = write_tiny("stable_diffusion_xl", tmp_path / "model")
    settings = replace(published.SDXL, image_size=SIZE, steps=1, guidance=1.0, images=2)
    row = families.drawing_row(settings, folder, CAPTIONS, 1)
    assert row.of["guidance"] is False and ", guidance" not in row.what


def test_captioners_are_measured_in_training_and_scoring(tmp_path: Path) -> None:
    images = [CaptionedImage(str(i), f"{i}.jpg", ("a red wall", "one wall")) for i in range(3)]
    for image in images:
        Image.effect_noise((40, 40), 60).convert("RGB").save(tmp_path / image.file_name)
    samples = samples_of(images, tmp_path)

    adapter = Adapter(rank=2, alpha=2.0, dropout=0.0, target_modules=["query", "value"])
    tiny = replace(GIT, image_size=tiny_models.SIDE, adapter=adapter)
    folder = tiny_models.git(tmp_path / "model")
    rows = families.captioning_rows(tiny, folder, samples, shown_files(samples), 2, 2, 1)
    assert [row.of["work"] for row in rows] == [TRAINING, SCORING]
    assert all(row.of["adapter"] and row.values[0] > 0 for row in rows)


def test_what_is_measured_is_what_plan_looks_for(tmp_path: Path) -> None:
    """The row of a benchmark and the profile of its model meet in a plan."""
    from benchmarks.results import Outcome, Record, Row, write_results

    content = load_params(REPOSITORY).model_dump()
    content["profile"] = profile_of("flickr30k_sd3")
    content["experiment"]["synthesis"] |= {"steps": 28, "guidance": 7.0, "sampler": "native"}
    row = Row("", "images/s", [3.0], of={"work": GENERATING, "image_size": 1024, "steps": 28,
              "guidance": True, "models": list(published.SD3_MEDIUM.models)})  # fmt: skip
    record = Record(Outcome([row]), "a card", "2026-11-29", {}, 0.0)
    write_results(tmp_path / "results.json", {"gpu": record})
    found = benchmarked(Params.model_validate(content), tmp_path / "results.json")
    assert found.per_second == {GENERATING: 3.0}
