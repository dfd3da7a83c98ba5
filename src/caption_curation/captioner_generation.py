"""Captions of images by beam search, as BLIP generates them."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from caption_curation.captioner import Captioner
from caption_curation.image_transforms import read_image, resize, to_tensor
from caption_curation.params import Evaluation


@torch.inference_mode()
def generate_captions(
    captioner: Captioner,
    files: Sequence[Path],
    *,
    prompt: str,
    evaluation: Evaluation,
    batch_size: int,
) -> list[str]:
    """One caption an image file, in order, without the prompt.

    Args:
        captioner: the model; it is put into evaluation mode.
        files: image files.
        prompt: the text that the decoder continues, for instance "a picture of ".
        evaluation: number of beams and lengths in tokens, the prompt included.
        batch_size: images at once.
    """
    captioner.model.eval()
    prompt_ids = captioner.tokenizer(prompt, return_tensors="pt").input_ids
    captions: list[str] = []
    with tqdm(desc="captioning", total=len(files), unit="image", disable=None) as progress:
        for start in range(0, len(files), batch_size):
            batch = files[start : start + batch_size]
            pixels = torch.stack(
                [to_tensor(resize(read_image(file), captioner.image_size)) for file in batch]
            )
            # generate() writes its start token into the ids that it is given, and drops the last.
            ids = captioner.model.generate(
                pixel_values=pixels.to(captioner.device),
                input_ids=prompt_ids.repeat(len(batch), 1).to(captioner.device),
                num_beams=evaluation.beams,
                min_length=evaluation.min_length,
                max_length=evaluation.max_length,
                do_sample=False,
            )
            texts = captioner.tokenizer.batch_decode(
                ids[:, prompt_ids.shape[1] - 1 :], skip_special_tokens=True
            )
            captions += [text.strip() for text in texts]
            progress.update(len(batch))
    return captions
