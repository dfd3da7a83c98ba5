"""Pretrain the demo's sentence encoder on the captions of both worlds."""

from caption_curation.compute.devices import prepare_device
from caption_curation.config.pretraining import load_pretraining
from caption_curation.demo_models.sentence_encoder import pretrain_sentence_encoder
from caption_curation.samples import read_images
from caption_curation.support.outputs import atomic_folder
from stages import run
from stages.pretrain import SENTENCE_ENCODER, WORLDS


def main() -> None:
    """Write data/pretrain/sentence_encoder."""
    settings = load_pretraining().sentence_encoder
    prepare_device()
    # It is not fine-tuned later, so it must know the words of both worlds.
    images = [*read_images(WORLDS / "shifted.jsonl"), *read_images(WORLDS / "demo.jsonl")]
    encoder = pretrain_sentence_encoder(images, settings)
    with atomic_folder(SENTENCE_ENCODER) as folder:
        encoder.save_pretrained(str(folder), create_model_card=False)


if __name__ == "__main__":
    run(main, check_versions=True)
