"""A tiny BLIP with random weights, and a tokenizer trained on the corpus's own captions."""

from collections.abc import Iterable
from typing import Any

import torch

from caption_curation.captioner.families.blip import clean_caption, new_config, new_tokenizer
from caption_curation.captioner.model.captioner import Captioner
from caption_curation.config.profile import ScratchCaptioner

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]"]
POSITIONS = 64  # of the decoder; more than the 40 tokens that BLIP uses


def build_captioner(
    size: ScratchCaptioner, captions: Iterable[str], prompt: str, image_size: int
) -> Captioner:
    """A BLIP of the configured size with random weights.

    Args:
        size: of the model and the vocabulary, and the seed of the weights.
        captions: the corpus's training captions, to train the WordPiece vocabulary on.
        prompt: the text that every caption begins with; part of the vocabulary.
        image_size: width and height in pixels.
    """
    from transformers import BlipForConditionalGeneration

    tokenizer = train_tokenizer([prompt, *map(clean_caption, captions)], size.vocabulary_size)
    text = {
        "hidden_size": size.text.hidden_size,
        "intermediate_size": 4 * size.text.hidden_size,
        "projection_dim": size.text.hidden_size,
        "num_hidden_layers": size.text.layers,
        "num_attention_heads": size.text.heads,
        "max_position_embeddings": POSITIONS,
        "hidden_dropout_prob": size.text.dropout,
        "attention_probs_dropout_prob": size.text.dropout,
        "initializer_range": size.initializer_range,
    }
    vision = {
        "hidden_size": size.vision.hidden_size,
        "intermediate_size": 4 * size.vision.hidden_size,
        "projection_dim": size.vision.hidden_size,
        "num_hidden_layers": size.vision.layers,
        "num_attention_heads": size.vision.heads,
        "image_size": image_size,
        "patch_size": size.vision.patch_size,
        "initializer_range": size.initializer_range,
    }
    config = new_config(
        tokenizer,
        text,
        vision,
        projection_dim=size.text.hidden_size,
        image_text_hidden_size=size.text.hidden_size,
    )
    torch.manual_seed(size.seed)
    model = BlipForConditionalGeneration(config)
    return Captioner(model, tokenizer, torch.device("cpu"), image_size)


def train_tokenizer(texts: Iterable[str], vocabulary_size: int) -> Any:
    """A BERT tokenizer (lower case, WordPiece) whose vocabulary is learned from ``texts``."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    texts = list(texts)
    learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    learner.normalizer = normalizers.BertNormalizer(lowercase=True)
    learner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # The trainer numbers characters in the order of a hash table, which differs between processes,
    # and breaks ties between merges by number. Listing every character fixes both.
    characters = sorted(set(learner.normalizer.normalize_str("".join(texts))) - {" "})
    alphabet = [*characters, *(f"##{character}" for character in characters)]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[*SPECIAL_TOKENS, *alphabet],
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    vocabulary = sorted(learner.get_vocab().items(), key=lambda item: item[1])
    return new_tokenizer(dict(vocabulary))
