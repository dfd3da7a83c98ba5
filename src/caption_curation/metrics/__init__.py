"""Metrics: BLEU, METEOR, ROUGE-L, CIDEr, SPICE and CLIPScore of generated captions."""
