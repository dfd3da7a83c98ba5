"""Prompts that are longer than the text encoder reads: which they are, and what becomes of them.

Nothing here needs torch: a stage that finds all its images in the store never loads it.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from caption_curation.config.experiment import Prompt
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.image_store import ImageRequest


@dataclass(frozen=True)
class PromptReader:
    """How a generator's text encoder reads: ``tokens_of`` a text, and at most so many.

    Both numbers include the tokens of start and end (CLIP: 77).
    """

    tokens_of: Callable[[str], int]
    most_tokens: int

    def fits(self, prompt: str) -> bool:
        """Whether the whole prompt is read."""
        return self.tokens_of(prompt) <= self.most_tokens


def load_reader(folder: Path) -> PromptReader:
    """The reader of a generator in the hub's layout.

    Raises:
        InputError: the tokenizer's configuration does not say how many tokens are read.
    """
    file = folder / "tokenizer" / "tokenizer_config.json"
    most_tokens = json.loads(file.read_text(encoding="utf-8")).get("model_max_length")
    if not isinstance(most_tokens, int) or most_tokens < 3:  # of which two are start and end
        raise InputError(f"{file}: model_max_length = {most_tokens!r}; needed: an integer above 2")
    tokenizer = _load_tokenizer(file.parent)
    return PromptReader(lambda text: len(tokenizer.encode(text).ids), most_tokens)


def fit_requests(
    requests: Mapping[str, ImageRequest], prompt: Prompt, reader: PromptReader
) -> tuple[dict[str, ImageRequest], int]:
    """Requests whose prompts the generator can read as ``prompt.overflow`` wants it.

    A prompt that fits is never changed, and ``truncate`` leaves the cutting to the generator.

    Args:
        requests: by any name, with prompts that end with the styler.
        prompt: how captions become a prompt.
        reader: of the generator.

    Returns:
        The requests by the same names, and the number of different prompts that were too long.

    Raises:
        InputError: the styler alone is too long to be kept.
    """
    prompts = {request.prompt for request in requests.values()}
    too_long = {text for text in prompts if not reader.fits(text)}
    kept: dict[str, str] = {}
    if prompt.overflow == "keep_styler" and prompt.styler:
        kept = {text: keep_styler(text, prompt.styler, reader) for text in too_long}
    fitting = {}
    for name, request in requests.items():
        in_windows = prompt.overflow == "chunk" and request.prompt in too_long
        text = kept.get(request.prompt, request.prompt)
        fitting[name] = replace(request, prompt=text, in_windows=in_windows)
    return fitting, len(too_long)


def keep_styler(text: str, styler: str, reader: PromptReader) -> str:
    """A prompt without as many words before its styler as it takes to fit.

    Whole words go, of one or several tokens each: a part of a word is another word.

    Args:
        text: the prompt, which ends with ``", "`` and the styler.
        styler: not empty.
        reader: how long a prompt may be.

    Raises:
        InputError: not one word would stay.
    """
    content = text.removesuffix(f", {styler}")
    ends = [word.end() for word in re.finditer(r"\S+", content)]

    def shortened(words: int) -> str:
        return f"{content[: ends[words - 1]].rstrip(' .,;:')}, {styler}"

    words = bisect_right(
        range(1, len(ends) + 1),
        reader.most_tokens,
        key=lambda number: reader.tokens_of(shortened(number)),
    )
    if not words:
        raise InputError(
            f"params.yaml: prompt.styler = {styler!r}: with prompt.overflow: keep_styler it must "
            f"leave room for a word of the prompt; the generator reads {reader.most_tokens} tokens"
        )
    return shortened(words)


def _load_tokenizer(folder: Path) -> Any:
    if (folder / "tokenizer.json").is_file():
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    else:  # an older model's vocab.json and merges.txt
        from transformers import CLIPTokenizer

        tokenizer = CLIPTokenizer.from_pretrained(folder).backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
