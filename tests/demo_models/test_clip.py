"""A CLIP trained on four colours tells them apart."""

import torch

from caption_curation.config.pretraining import ClipTraining
from caption_curation.demo_models.clip import build_clip, train_clip
from caption_curation.metrics.clip.model import text_tokens
from caption_curation.samples import read_images
from caption_curation.text_to_image.bases.scratch import train_tokenizer
from tests.conftest import TinyCorpus
from tests.metrics.tiny_clip import SIZE


def test_training_ranks_each_caption_first_for_its_image(tiny_corpus: TinyCorpus) -> None:
    images = read_images(tiny_corpus.folder / "train.jsonl")
    captions = [image.captions for image in images]
    tokenizer = train_tokenizer((text for group in captions for text in group), 600)
    colours = torch.tensor([tiny_corpus.colours[image.image_id] for image in images])
    pixels = (colours / 255 - 0.5)[:, :, None, None].expand(-1, -1, 8, 8)
    training = ClipTraining(steps=150, batch_size=4, learning_rate=0.003, weight_decay=0.1)

    def train() -> tuple[float, torch.Tensor]:
        torch.manual_seed(0)
        model = build_clip(SIZE, tokenizer, 8)
        rng = torch.Generator().manual_seed(0)
        loss = train_clip(model, tokenizer, pixels, captions, training, rng)
        assert not model.training
        last = text_tokens(tokenizer, model, [group[-1] for group in captions])
        with torch.inference_mode():
            return loss, model(pixel_values=pixels, **last).logits_per_image

    loss, logits = train()
    assert logits.argmax(1).tolist() == logits.argmax(0).tolist() == [0, 1, 2, 3]
    assert loss < 0.1  # guessing: log 4 = 1.39
    assert torch.equal(train()[1], logits)
