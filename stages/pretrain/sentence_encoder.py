"""Pretrain the demo's sentence encoder on the captions of both worlds."""

import shutil

from caption_curation.devices import prepare_device
from caption_curation.pretraining import load_pretraining
from caption_curation.samples import read_images
from caption_curation.sentence_encoder_pretraining import pretrain_sentence_encoder
from stages import run
from stages.pretrain import SENTENCE_ENCODER, WORLDS


def main() -> None:
    """Write data/pretrain/sentence_encoder."""
    settings = load_pretraining().sentence_encoder
    prepare_device()
    # It is not fine-tuned later, so it must know the words of both worlds.
    images = [*read_images(WORLDS / "shifted.jsonl"), *read_images(WORLDS / "demo.jsonl")]
    encoder = pretrain_sentence_encoder(images, settings)
    partial = SENTENCE_ENCODER.with_name(f"{SENTENCE_ENCODER.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    encoder.save_pretrained(str(partial), create_model_card=False)
    shutil.rmtree(SENTENCE_ENCODER, ignore_errors=True)
    partial.rename(SENTENCE_ENCODER)


if __name__ == "__main__":
    run(main)
