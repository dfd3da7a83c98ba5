"""Captions of images by beam search, as BLIP generates them."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from caption_curation.captioner.model.blip import Captioner
from caption_curation.captioner.model.loading import ResizedImages, pixel_batches
from caption_curation.compute.devices import autocast
from caption_curation.compute.process_group import gather, shard
from caption_curation.config.experiment import Evaluation
from caption_curation.support.launcher import process_info


@torch.inference_mode()
def generate_captions(
    captioner: Captioner,
    files: Sequence[Path],
    *,
    prompt: str,
    evaluation: Evaluation,
    batch_size: int,
) -> list[str]:
    """One caption per image file, in order, without the prompt; the process group shares the work.

    Args:
        captioner: the model; it is put into evaluation mode.
        files: image files.
        prompt: the text that the decoder continues, for instance "a picture of ".
        evaluation: number of beams and lengths in tokens, the prompt included.
        batch_size: number of images at a time.
    """
    captioner.model.eval()
    prompt_ids = captioner.tokenizer(prompt, return_tensors="pt").input_ids
    images = ResizedImages(files, captioner.image_size)
    batches = shard(
        [
            range(start, min(start + batch_size, len(files)))
            for start in range(0, len(files), batch_size)
        ]
    )
    captions: list[list[str]] = []
    with tqdm(
        desc="captioning",
        total=sum(map(len, batches)),
        unit="image",
        disable=process_info().hide_progress,
    ) as progress:
        for pixels in pixel_batches(images, batches, captioner.device):
            # generate() writes its start token into the given ids, and drops the last one.
            with autocast(captioner.device):
                ids = captioner.model.generate(
                    pixel_values=pixels,
                    input_ids=prompt_ids.repeat(len(pixels), 1).to(captioner.device),
                    num_beams=evaluation.beams,
                    min_length=evaluation.min_length,
                    max_length=evaluation.max_length,
                    do_sample=False,
                )
            texts = captioner.tokenizer.batch_decode(
                ids[:, prompt_ids.shape[1] - 1 :],
                skip_special_tokens=True,
                # "a man's", as people write it, from BERT's "a man ' s". BLIP's tokenizer did so by
                # default; the metrics' tokenizer would count three words instead of two.
                clean_up_tokenization_spaces=True,
            )
            captions.append([text.strip() for text in texts])
            progress.update(len(texts))
    return [caption for batch in gather(captions) for caption in batch]
