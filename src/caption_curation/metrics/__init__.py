"""Measures of generated captions: BLEU, METEOR, ROUGE-L and CIDEr."""
