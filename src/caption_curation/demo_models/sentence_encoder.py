"""A tiny Sentence-BERT that learns that captions of the same image mean the same."""

from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

import torch
from tqdm import tqdm

from caption_curation.captioner.bases.scratch import train_tokenizer
from caption_curation.config.pretraining import SentenceEncoderPretraining
from caption_curation.rng import rng_for
from caption_curation.samples import CaptionedImage


def pretrain_sentence_encoder(
    images: Sequence[CaptionedImage], settings: SentenceEncoderPretraining
) -> Any:
    """A SentenceTransformer trained on pairs of captions of the same image.

    Every batch holds two captions each of some images. The loss is InfoNCE in both directions
    (sentence-transformers' multiple negatives ranking loss): each caption has to find its partner
    among the captions of all images of the batch.

    Args:
        images: those with fewer than two captions are left out.
        settings: sizes and training.
    """
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    captions = [image.captions for image in images if len(image.captions) > 1]
    torch.manual_seed(settings.seed)
    encoder = build_sentence_encoder([caption for group in captions for caption in group], settings)
    loss_of = MultipleNegativesRankingLoss(
        encoder, directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"
    )
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)
    rng = rng_for(settings.seed, "sentence encoder")
    labels = torch.arange(settings.batch_size)
    encoder.train()
    for _ in tqdm(range(settings.steps), desc="sentence encoder", unit="step", disable=None):
        chosen = rng.choice(len(captions), size=settings.batch_size, replace=False)
        pairs = [rng.choice(captions[index], size=2, replace=False).tolist() for index in chosen]
        features = [encoder.preprocess(list(side)) for side in zip(*pairs, strict=True)]
        loss = loss_of(features, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    encoder.eval()
    print(f"loss of the last batch: {loss.item():.3f} nats")
    return encoder


def build_sentence_encoder(captions: Sequence[str], settings: SentenceEncoderPretraining) -> Any:
    """A BERT with random weights, whose embedding is the mean over its tokens."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel

    tokenizer = train_tokenizer(captions, settings.vocabulary_size)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden_size,
        intermediate_size=2 * settings.hidden_size,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        max_position_embeddings=settings.max_tokens,
        pad_token_id=tokenizer.pad_token_id,
    )
    with TemporaryDirectory() as name:  # the library loads a transformer only from a folder
        BertModel(config, add_pooling_layer=False).save_pretrained(name)
        tokenizer.save_pretrained(name)
        transformer = Transformer(name, max_seq_length=settings.max_tokens)
    return SentenceTransformer(
        modules=[transformer, Pooling(settings.hidden_size, pooling_mode="mean")], device="cpu"
    )
