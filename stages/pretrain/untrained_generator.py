"""Build the demo's generator: autoencoder, tokenizer and text encoder trained, denoiser random."""

from caption_curation.compute.devices import prepare_device
from caption_curation.config.pretraining import load_pretraining
from caption_curation.demo_models.text_encoder import pretrain_text_encoder
from caption_curation.demo_world.scenes import scene_from_json
from caption_curation.samples import read_images, read_json_lines
from caption_curation.text_to_image.bases.scratch import build_generator
from caption_curation.text_to_image.prompts import image_prompt
from stages import run
from stages.pretrain import UNTRAINED_GENERATOR, WORLDS


def main() -> None:
    """Write data/pretrain/untrained_generator."""
    params = load_pretraining()
    settings = params.generator
    prepare_device()
    # Autoencoder and text encoder are not fine-tuned later, so they must know both worlds: their
    # looks and their words, as those of a published Stable Diffusion know more than it can draw.
    worlds = ("shifted", "demo")
    images = [image for world in worlds for image in read_images(WORLDS / f"{world}.jsonl")]
    scenes = [
        scene_from_json(record["scene"])
        for world in worlds
        for record in read_json_lines(WORLDS / f"{world}_scenes.jsonl")
    ]
    files = [WORLDS / image.file_name for image in images]
    pipeline = build_generator(settings.base, images, files, params.world.image_size)
    prompts = [
        image_prompt(image.captions, "", mode="concat", styler="", joining="verbatim")
        for image in images
    ]
    singles = [(caption, n) for n, image in enumerate(images) for caption in image.captions]
    accuracy = pretrain_text_encoder(
        pipeline.text_encoder,
        pipeline.tokenizer,
        # Every image's captions together count as much as each of them alone.
        [*prompts * 5, *(caption for caption, _ in singles)],
        [*scenes * 5, *(scenes[n] for _, n in singles)],
        steps=settings.text_encoder.steps,
        batch_size=settings.text_encoder.batch_size,
        learning_rate=settings.text_encoder.learning_rate,
        seed=settings.text_encoder.seed,
    )
    print(f"the text encoder tells {accuracy:.1%} of the facts, of which a caption may omit some")
    pipeline.save_pretrained(UNTRAINED_GENERATOR)


if __name__ == "__main__":
    run(main, check_versions=True)
