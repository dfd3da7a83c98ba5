"""Prompts that are longer than the text encoder can read: finding them, and making them fit.

Nothing here needs torch: a stage that finds all its images in the store never imports it.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from caption_curation.config.experiment import Prompt
from caption_curation.model_loading import load_tokens
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.family import abilities_of
from caption_curation.text_to_image.image_store import ImageRequest
from caption_curation.text_to_image.prompts import BEFORE_STYLER

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class TokenLimit:
    """How many tokens a generator's text encoder can read, and how to count those of a text.

    Both numbers include the start and end tokens (``max_tokens`` of CLIP: 77).
    """

    count_tokens: Callable[[str], int]
    max_tokens: int

    def fits(self, prompt: str) -> bool:
        """Whether the whole prompt is read."""
        return self.count_tokens(prompt) <= self.max_tokens


def load_token_limit(folder: Path) -> TokenLimit:
    """The limit of a generator in the hub's layout: of the encoder that reads most.

    Raises:
        InputError: its configuration does not state the limit.
    """
    reader = abilities_of(folder).reader
    tokenizer = load_tokens(folder / reader.tokenizer)
    return TokenLimit(
        lambda text: len(tokenizer.encode(reader.prepared(text)).ids), reader.max_tokens
    )


def fit_requests(
    requests: Mapping[Name, ImageRequest], prompt: Prompt, limit: TokenLimit
) -> tuple[dict[Name, ImageRequest], int]:
    """Requests with prompts that the generator can read, fitted as ``prompt.overflow`` says.

    A prompt that fits is never changed; with ``truncate``, the generator does the truncating.

    Args:
        requests: by any name, with prompts that end with the styler.
        prompt: how captions become a prompt.
        limit: of the generator.

    Returns:
        The requests by the same names, and the number of distinct prompts that were too long.

    Raises:
        InputError: the styler alone is too long to be kept.
    """
    prompts = {request.prompt for request in requests.values()}
    too_long = {text for text in prompts if not limit.fits(text)}
    kept: dict[str, str] = {}
    if prompt.overflow == "keep_styler" and prompt.styler:
        kept = {text: keep_styler(text, prompt, limit) for text in too_long}
    fitting = {}
    for name, request in requests.items():
        in_windows = prompt.overflow == "chunk" and request.prompt in too_long
        text = kept.get(request.prompt, request.prompt)
        is_as_it_was = (text, in_windows) == (request.prompt, request.in_windows)
        fitting[name] = (
            request if is_as_it_was else replace(request, prompt=text, in_windows=in_windows)
        )
    return fitting, len(too_long)


def keep_styler(text: str, prompt: Prompt, limit: TokenLimit) -> str:
    """A prompt from which as many words before the styler are dropped as it takes to fit.

    Only whole words are dropped, of one or several tokens each: part of a word is another word.

    Args:
        text: the prompt, which ends with the styler.
        prompt: how it was made; its styler is not empty.
        limit: how long a prompt may be.

    Raises:
        InputError: not a single word would be left.
    """
    ending = BEFORE_STYLER[prompt.joining] + prompt.styler
    content = text.removesuffix(ending)
    ends = [word.end() for word in re.finditer(r"\S+", content)]

    def shortened(words: int) -> str:
        kept = content[: ends[words - 1]]
        # A comma follows a word; captions that are taken verbatim keep what they end with.
        return (kept.rstrip(" .,;:") if prompt.joining == "sentences" else kept) + ending

    words = bisect_right(
        range(1, len(ends) + 1),
        limit.max_tokens,
        key=lambda number: limit.count_tokens(shortened(number)),
    )
    if not words:
        raise InputError(
            f"params.yaml: prompt.styler = {prompt.styler!r}: with prompt.overflow: keep_styler it "
            "must leave room for a word of the prompt; the generator reads "
            f"{limit.max_tokens} tokens"
        )
    return shortened(words)
