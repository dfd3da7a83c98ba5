"""What the round trip compares: generators, each with the same kinds of prompts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from caption_curation.config.experiment import Prompt

REAL = "real"  # the original images, in place of a variant's: the upper bound


@dataclass(frozen=True)
class PromptKind:
    """How a prompt is made; ``mode`` as in :class:`caption_curation.config.params.Prompt`."""

    mode: Literal["single", "sbert", "concat"]
    styled: bool
    label: str

    def settings(self, styler: str, prompt: Prompt) -> Prompt:
        """The settings that turn captions into such prompts; joining and overflow of ``prompt``."""
        styler = styler if self.styled else ""
        return prompt.model_copy(update={"mode": self.mode, "styler": styler})


# The experiment's, by folder in data/ → label. Others are called as the parameters name them.
OURS = {"base_generator": "base", "generator": "fine-tuned"}
PROMPTS = {
    "single": PromptKind("single", False, "one caption"),
    "concat": PromptKind("concat", False, "all captions"),
    "concat_styler": PromptKind("concat", True, "all captions + styler"),
    "sbert_styler": PromptKind("sbert", True, "SBERT's caption + styler"),
}


def generator_label(name: str) -> str:
    """What a generator is called in tables and legends."""
    return OURS.get(name, name)


@dataclass(frozen=True)
class Variant:
    """A generator, by its name, with a kind of prompts, by its key above."""

    generator: str
    prompt: str

    @property
    def name(self) -> str:
        """Its name in DVC's matrix."""
        return f"{self.generator}-{self.prompt}"

    @property
    def label(self) -> str:
        """For tables and legends."""
        return f"{generator_label(self.generator)}, {PROMPTS[self.prompt].label}"


@dataclass(frozen=True)
class Grid:
    """The variants of one round trip: every one of some generators with every kind of prompts."""

    generators: Sequence[str]
    prompts: Sequence[str]

    @property
    def variants(self) -> list[Variant]:
        """In the order of tables: generators, and within them prompts."""
        return [
            Variant(generator, prompt) for generator in self.generators for prompt in self.prompts
        ]
