"""Train the tiny CLIP that the demo's CLIPScore is computed with, on drawings of both worlds."""

import torch
from transformers import CLIPImageProcessorPil

from caption_curation.compute.devices import prepare_device
from caption_curation.config.pretraining import load_pretraining
from caption_curation.demo_models.clip import build_clip, train_clip
from caption_curation.metrics.clip.score import PREFIX
from caption_curation.pictures.reading import read_picture
from caption_curation.rng import seed_for
from caption_curation.samples import read_images
from caption_curation.support.outputs import atomic_folder
from caption_curation.text_to_image.bases.scratch import train_tokenizer
from stages import run
from stages.pretrain import CLIP, WORLDS


def main() -> None:
    """Write data/pretrain/clip, in the hub's layout and fp16."""
    params = load_pretraining()
    settings, side = params.clip, params.world.image_size
    prepare_device()
    images = [
        image for world in ("shifted", "demo") for image in read_images(WORLDS / f"{world}.jsonl")
    ]
    # It reads captions as CLIPScore writes them, and nothing else.
    captions = [[PREFIX + caption for caption in image.captions] for image in images]
    tokenizer = train_tokenizer(
        (caption for group in captions for caption in group), settings.size.vocabulary_size
    )
    size = {"height": side, "width": side}
    processor = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size=size)
    pictures = [read_picture(WORLDS / image.file_name) for image in images]
    pixels = processor(pictures, return_tensors="pt").pixel_values
    torch.manual_seed(seed_for(settings.seed, "CLIP weights"))
    model = build_clip(settings.size, tokenizer, side)
    rng = torch.Generator().manual_seed(seed_for(settings.seed, "CLIP batches"))
    loss = train_clip(model, tokenizer, pixels, captions, settings.training, rng)
    print(f"contrastive loss {loss:.3f} nats")

    with atomic_folder(CLIP) as folder:
        for part in (model.half(), tokenizer, processor):
            part.save_pretrained(folder)


if __name__ == "__main__":
    run(main, check_versions=True)
