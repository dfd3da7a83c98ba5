"""Base captioners to fine-tune: built from scratch, or converted from BLIP's own checkpoints."""

# Of the model whose tokenizer a BLIP checkpoint takes.
TOKENIZER_FILES = ("vocab.txt",)
