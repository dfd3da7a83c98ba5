"""Captions as what a language model says after an opening: tokens, their lengths, and text again.

The input of a model is an opening that is the same for all captions (a start token, the places of
the image, what is asked), the prompt, and the caption; its targets are the caption's tokens and the
end token alone. As openings are equally long, the targets of all captions begin at the same place,
and padding comes after them, where no token sees it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from caption_curation.captioner.model.captioner import IGNORED, CaptionTokens
from caption_curation.config.experiment import Evaluation
from caption_curation.config.profile import BeamLength
from caption_curation.support.errors import InputError


@dataclass(frozen=True)
class Speech:
    """How a model speaks.

    Attributes:
        tokenizer: of the captions.
        opening: the tokens before the prompt.
        separator: text between the opening and what is said.
        end: the token that a caption ends with.
        positions: most tokens of an input; ``None``: any number.
    """

    tokenizer: Any
    opening: Sequence[int]
    separator: str
    end: int
    positions: int | None

    def prompt_ids(self, prompt: str) -> list[int]:
        """The tokens of the prompt, which every caption begins with; without its last blanks."""
        return self._ids([(self.separator + prompt).rstrip()])[0]

    def caption_ids(self, captions: Sequence[str], prompt: str) -> list[list[int]]:
        """The tokens of each caption after the prompt, without an end token.

        Raises:
            InputError: the tokenizer joins the prompt's end and a caption to one token.
        """
        start = self.prompt_ids(prompt)
        texts = [self.separator + prompt + " ".join(caption.split()) for caption in captions]
        found = self._ids([text.rstrip() for text in texts])
        for ids, text in zip(found, texts, strict=True):
            if ids[: len(start)] != start:
                raise InputError(
                    f"params.yaml: training.prompt = {prompt!r}: this model's tokenizer does not "
                    f"keep it apart from what follows, as in {text!r}; end it with a blank"
                )
        return [ids[len(start) :] for ids in found]

    def tokens(self, captions: Sequence[str], *, prompt: str, max_tokens: int) -> CaptionTokens:
        """Inputs and targets; see :func:`~caption_curation.captioner.model.captioner`.

        Raises:
            InputError: ``max_tokens`` leaves no room for a word, or exceeds the model's positions.
        """
        start = self.prompt_ids(prompt)
        shortest = len(start) + 3  # the start token, a word and the end token
        longest = self._longest()
        if max_tokens < shortest or (longest is not None and max_tokens > longest):
            raise InputError(
                f"profile: captioner.fine_tuning.max_tokens = {max_tokens}: allowed: {shortest} "
                f"(the prompt {prompt!r}, a word and the end token)"
                + (f" to {longest} (what the model can read)" if longest else " or more")
            )
        room = max_tokens - 2 - len(start)
        said = [[*ids[:room], self.end] for ids in self.caption_ids(captions, prompt)]
        opening = [*self.opening, *start]
        length = max(map(len, said))
        inputs = torch.full((len(said), len(opening) + length - 1), self.end)
        mask = torch.zeros_like(inputs)
        targets = torch.full((len(said), length), IGNORED)
        for row, ids in enumerate(said):
            whole = [*opening, *ids[:-1]]
            inputs[row, : len(whole)] = torch.tensor(whole)
            mask[row, : len(whole)] = 1
            targets[row, : len(ids)] = torch.tensor(ids)
        return CaptionTokens(inputs, mask, targets)

    def check_lengths(self, prompt: str, evaluation: Evaluation, beam_length: BeamLength) -> None:
        """Refuse lengths that cannot be generated, and rules of length.

        Raises:
            InputError: naming those that can.
        """
        if beam_length != "caption":
            raise InputError(
                f"profile: captioner.beam_length = {beam_length}: that is BLIP's rule; allowed: "
                "caption"
            )
        shortest, longest = len(self.prompt_ids(prompt)) + 2, self._longest()
        if evaluation.max_length < shortest or (longest and evaluation.max_length > longest):
            raise InputError(
                f"params.yaml: evaluation.max_length = {evaluation.max_length}: allowed: "
                f"{shortest} (the prompt {prompt!r} and a word)"
                + (f" to {longest} (what the model can read)" if longest else " or more")
            )

    def lengths(self, prompt: str, evaluation: Evaluation) -> dict[str, Any]:
        """The arguments of ``generate`` for beam search, whatever the model's own are.

        Lengths count the start token and the prompt, as BLIP's do; those here are of what is new.
        """
        spent = 1 + len(self.prompt_ids(prompt))
        return {
            "num_beams": evaluation.beams,
            "max_new_tokens": evaluation.max_length - spent,
            "min_new_tokens": max(0, evaluation.min_length - spent),
            "do_sample": False,
            "length_penalty": 1.0,
            "repetition_penalty": 1.0,
            "no_repeat_ngram_size": 0,
            "early_stopping": False,
            "eos_token_id": self.end,
            "pad_token_id": self.end,
        }

    def texts(self, generated: torch.Tensor, given: torch.Tensor) -> list[str]:
        """What was said after the given tokens, (images, tokens), which some models repeat."""
        length = given.shape[1]
        if generated.shape[1] >= length and torch.equal(generated[:, :length], given):
            generated = generated[:, length:]
        decoder = getattr(getattr(self.tokenizer, "backend_tokenizer", None), "decoder", None)
        texts = self.tokenizer.batch_decode(
            generated,
            skip_special_tokens=True,
            # "a man's", as people write it, from BERT's "a man ' s".
            clean_up_tokenization_spaces=type(decoder).__name__ == "WordPiece",
        )
        return [text.strip() for text in texts]

    def _longest(self) -> int | None:
        if self.positions is None:
            return None
        return self.positions - len(self.opening) + 2  # the start token counts; the end is no input

    def _ids(self, texts: list[str]) -> list[list[int]]:
        ids: list[list[int]] = self.tokenizer(texts, add_special_tokens=False).input_ids
        return ids


def end_token(model: Any, tokenizer: Any) -> int:
    """The token that a model's text ends with: what its generation ends at, or the tokenizer's."""
    ends = getattr(model.generation_config, "eos_token_id", None)
    if isinstance(ends, list):
        ends = ends[0] if ends else None
    for token in (ends, tokenizer.eos_token_id, tokenizer.sep_token_id):
        if token is not None:
            return int(token)
    raise InputError(
        f"{type(model).__name__}: neither the model nor its tokenizer has an end token"
    )


def positions_of(model: Any) -> int | None:
    """Most tokens of the language model's input, where it has a limit."""
    config = model.config.get_text_config(decoder=True)
    found = getattr(config, "max_position_embeddings", None)
    return None if found is None else int(found)
