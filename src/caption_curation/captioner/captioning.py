"""Captions of images by beam search.

Beam search chooses the hypothesis with the highest log probability per token, and there are two
rules of which tokens count (``captioner.beam_length``). With n tokens of a caption after BLIP's
prompt:

- ``caption``, transformers' rule of today: n + 1, all that is generated, the end token included; n
  for a caption that is cut at the greatest length.
- ``caption_and_prompt``, the rule of transformers 4.15, which BLIP was published with: n + 4, the
  start token and the three of the prompt included, the end token not. Longer captions gain less.

The second is had from transformers' beam search too. It counts all tokens but those that it is
given, so it is given the start token alone, and the prompt's tokens are forced: certain, they add
nothing to a log probability. A caption at the greatest length goes one token further, to a forced
end token. Both need the public interface only, and cost four steps of the decoder. One thing of
4.15 is not restored: it searches on while the best candidate of a step, be it one that has just
ended, is better than the worst finished hypothesis, where transformers now compares unfinished
candidates only, and may stop earlier. None of 400 captions by the demo's captioners differs for it,
and one of 960 by models with random weights.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm
from transformers import LogitsProcessor, LogitsProcessorList

from caption_curation.captioner.model.captioner import Captioner, prompt_length
from caption_curation.captioner.model.loading import ResizedImages, pixel_batches
from caption_curation.compute.devices import autocast
from caption_curation.compute.resuming import UnfinishedWork, map_batches
from caption_curation.config.experiment import Evaluation
from caption_curation.config.profile import BeamLength
from caption_curation.support.errors import InputError
from caption_curation.support.launcher import process_info
from caption_curation.support.parts import json_lines

CAPTIONS = json_lines(encode=list, decode=list)  # of a batch


class ForcedTokens(LogitsProcessor):  # type: ignore[misc]  # transformers is untyped
    """Makes tokens certain: their log probability is 0, and minus infinity that of all others.

    Args:
        tokens: by position; the start token is at 0.
    """

    def __init__(self, tokens: Mapping[int, int]) -> None:
        self._tokens = tokens

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """``scores``, or those of the forced token if one follows ``input_ids``."""
        token = self._tokens.get(input_ids.shape[1])
        if token is None:
            return scores
        forced = torch.full_like(scores, -math.inf)
        forced[:, token] = 0.0
        return forced


@torch.inference_mode()
def generate_captions(
    captioner: Captioner,
    files: Sequence[Path],
    *,
    prompt: str,
    evaluation: Evaluation,
    beam_length: BeamLength,
    batch_size: int,
    work: UnfinishedWork | None = None,
) -> list[str]:
    """One caption per image file, in order, without the prompt; the process group shares the work.

    Args:
        captioner: the model; it is put into evaluation mode.
        files: image files.
        prompt: the text that the decoder continues, for instance "a picture of ".
        evaluation: number of beams and lengths in tokens, start token and prompt included.
        beam_length: which tokens a hypothesis's log probability is divided by.
        batch_size: number of images at a time.
        work: where captions are saved meanwhile; ``None``: nowhere.

    Raises:
        InputError: ``evaluation.max_length`` leaves no room for a word, or exceeds the model's
            positions.
    """
    check_lengths(captioner, prompt, evaluation)
    batches = batches_of(len(files), batch_size)

    def compute(own: Sequence[int]) -> Iterator[list[str]]:
        mine = [batches[batch] for batch in own]
        with tqdm(
            desc="captioning",
            total=sum(map(len, mine)),
            unit="image",
            disable=process_info().hide_progress,
        ) as progress:
            for captions in caption_batches(
                captioner,
                files,
                mine,
                prompt=prompt,
                evaluation=evaluation,
                beam_length=beam_length,
            ):
                yield captions
                progress.update(len(captions))

    captions = map_batches(len(batches), compute, title="captions", form=CAPTIONS, work=work)
    return [caption for batch in captions for caption in batch]


def check_lengths(captioner: Captioner, prompt: str, evaluation: Evaluation) -> None:
    """Refuse lengths that the model cannot generate; see :func:`generate_captions`.

    Raises:
        InputError: naming the lengths that it can.
    """
    shortest = prompt_length(captioner, prompt) + 1
    longest = captioner.model.config.text_config.max_position_embeddings
    if not shortest <= evaluation.max_length <= longest:
        raise InputError(
            f"params.yaml: evaluation.max_length = {evaluation.max_length}: allowed: {shortest} "
            f"(the prompt {prompt!r} and a word) to {longest} (what the model can read)"
        )


def batches_of(files: int, size: int) -> list[range]:
    """The numbers of the files that are captioned together: neighbours, in order."""
    return [range(start, min(start + size, files)) for start in range(0, files, size)]


@torch.inference_mode()
def caption_batches(
    captioner: Captioner,
    files: Sequence[Path],
    batches: Sequence[Sequence[int]],
    *,
    prompt: str,
    evaluation: Evaluation,
    beam_length: BeamLength,
) -> Iterator[list[str]]:
    """The captions of each batch when they are there; otherwise as :func:`generate_captions`.

    Args:
        captioner: the model; it is put into evaluation mode.
        files: image files.
        batches: the indices into ``files`` of each batch.
        prompt, evaluation, beam_length: as there.
    """
    captioner.model.eval()
    prompt_ids = captioner.tokenizer(prompt, return_tensors="pt").input_ids
    images = ResizedImages(files, captioner.image_size)
    for pixels in pixel_batches(images, batches, captioner.device):
        with autocast(captioner.device):
            ids = captioner.model.generate(
                pixel_values=pixels,
                num_beams=evaluation.beams,
                min_length=evaluation.min_length,
                do_sample=False,
                **_by_length(captioner, prompt_ids, len(pixels), evaluation, beam_length),
            )
        texts = captioner.tokenizer.batch_decode(
            ids[:, prompt_ids.shape[1] - 1 :],
            skip_special_tokens=True,
            # "a man's", as people write it, from BERT's "a man ' s". BLIP's tokenizer did so by
            # default; the metrics' tokenizer would count three words instead of two.
            clean_up_tokenization_spaces=True,
        )
        yield [text.strip() for text in texts]


def _by_length(
    captioner: Captioner,
    prompt_ids: torch.Tensor,
    images: int,
    evaluation: Evaluation,
    beam_length: BeamLength,
) -> dict[str, Any]:
    """The arguments of ``generate`` that make it count tokens by a rule."""
    if beam_length == "caption":
        # generate() writes its start token into the given ids, and drops the last one.
        return {
            "input_ids": prompt_ids.repeat(images, 1).to(captioner.device),
            "max_length": evaluation.max_length,
        }
    forced = dict(enumerate(prompt_ids[0, :-1].tolist()))
    forced[evaluation.max_length] = captioner.model.config.text_config.sep_token_id
    return {
        "max_length": evaluation.max_length + 1,
        "logits_processor": LogitsProcessorList([ForcedTokens(forced)]),
    }
