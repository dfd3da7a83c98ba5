"""What the round trip compares: two generators, each with four kinds of prompts."""

from dataclasses import dataclass
from typing import Literal

from caption_curation.config.experiment import Overflow, Prompt

REAL = "real"  # the images themselves, in the place of a variant: the upper bound


@dataclass(frozen=True)
class PromptKind:
    """How a prompt is made; ``mode`` as in :class:`caption_curation.config.params.Prompt`."""

    mode: Literal["single", "sbert", "concat"]
    styled: bool
    label: str

    def settings(self, styler: str, overflow: Overflow) -> Prompt:
        """How captions become such prompts."""
        return Prompt(mode=self.mode, styler=styler if self.styled else "", overflow=overflow)


GENERATORS = {"base_generator": "base", "generator": "fine-tuned"}  # folders in data/, in words
PROMPTS = {
    "single": PromptKind("single", False, "one caption"),
    "concat": PromptKind("concat", False, "all captions"),
    "concat_styler": PromptKind("concat", True, "all captions + styler"),
    "sbert_styler": PromptKind("sbert", True, "SBERT's caption + styler"),
}


@dataclass(frozen=True)
class Variant:
    """A generator with a kind of prompts, by their keys above."""

    generator: str
    prompt: str

    @property
    def name(self) -> str:
        """As DVC names it in the matrix."""
        return f"{self.generator}-{self.prompt}"

    @property
    def label(self) -> str:
        """In words."""
        return f"{GENERATORS[self.generator]}, {PROMPTS[self.prompt].label}"


VARIANTS = [Variant(generator, prompt) for generator in GENERATORS for prompt in PROMPTS]
