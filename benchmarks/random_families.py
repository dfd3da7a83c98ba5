"""Models of every family in the hub's layout, at published sizes, with random weights."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from benchmarks.published import CLIP_TOKENIZER, T5_TOKENIZER, Part, PublishedGenerator
from caption_curation.text_to_image.bases import scratch as scratch_generator

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:'->\n"
CLIP_WORDS = 1000  # that a tokenizer knows; the text encoder's table of them may be longer


def write_generator(
    published: PublishedGenerator, folder: Path, device: torch.device, dtype: torch.dtype
) -> Path:
    """A generator, written part by part, as ten billion weights fill a machine's memory.

    Args:
        published: its parts.
        folder: to write.
        device: that weights are drawn on.
        dtype: of the weights.
    """
    index: dict[str, Any] = {"_class_name": published.pipeline}
    torch.manual_seed(0)
    for name, part in published.parts.items():
        if isinstance(part, Part):
            made = part.make(device, dtype)
            kind = (part.library, part.kind)
        else:
            made = tokenizer(part)
            kind = ("transformers", type(made).__name__)
        made.save_pretrained(folder / name)
        index[name] = kind
        del made
    (folder / "model_index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return folder


def tokenizer(kind: str, captions: Iterable[str] = ()) -> Any:
    """A tokenizer of a kind, which spells words that it was not taught.

    Args:
        kind: of :mod:`benchmarks.published`.
        captions: that CLIP's learns from.
    """
    from transformers import GemmaTokenizer, T5Tokenizer

    if kind == CLIP_TOKENIZER:
        return scratch_generator.train_tokenizer(captions or [LETTERS], CLIP_WORDS)
    if kind == T5_TOKENIZER:
        vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), ("▁", -2.0)]
        return T5Tokenizer(
            vocab=[*vocabulary, *((letter, -5.0) for letter in LETTERS)], extra_ids=0
        )
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *LETTERS]
    return GemmaTokenizer(vocab={piece: row for row, piece in enumerate(pieces)}, merges=[])
