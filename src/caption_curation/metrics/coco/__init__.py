"""BLEU, METEOR, ROUGE-L and CIDEr as the COCO caption evaluation computes them."""
