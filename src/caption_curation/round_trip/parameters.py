"""The validated content of stages/round_trip/params.yaml."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field

from caption_curation.config.experiment import Synthesis
from caption_curation.config.profile import BlipCheckpoint, HubModel, LocalModel
from caption_curation.paths import ROUND_TRIP
from caption_curation.round_trip.variants import OURS, PROMPTS, REAL, Grid
from caption_curation.support.sections import Section, invalid, read_yaml, validate

PARAMS_FILE = Path("stages/round_trip/params.yaml")
OTHER_CAPTIONER = ROUND_TRIP / "captioner"  # where ``other_captioner`` is obtained to

Name = TypeVar("Name")


def _distinct(names: list[Name]) -> list[Name]:
    if len(set(names)) < len(names):
        raise ValueError("each may be named once")
    return names


def _free_name(name: str) -> str:
    """A name that is a folder, a part of DVC's stage names and no generator of the experiment."""
    if name in (*OURS, REAL):
        raise ValueError(f"{', '.join(OURS)} and {REAL} have a meaning of their own")
    if not name.replace("_", "").isalnum() or not name.isascii():
        raise ValueError("a name consists of letters a to z, digits and _")
    return name


class OtherGenerator(Section):
    """A generator that is none of the experiment's. It is not fine-tuned, and draws at its own
    size.
    """

    model: Annotated[LocalModel | HubModel, Field(discriminator="source")]
    """A model of any family, obtained only if `generators` names it."""
    folder: Annotated[str, Field(min_length=1)]
    """Where a `local` model lies, as `inputs` in params.yaml say it of others; with `hub`, any
    folder that is there.
    """
    synthesis: Synthesis | None
    """What it draws with: a section of its own, as `synthesis` in params.yaml; `null`: that one."""


class RoundTrip(Section):
    """Which generators are asked, with which prompts, and who captions their images."""

    generators: Annotated[list[str], Field(min_length=1), AfterValidator(_distinct)]
    """Who draws, in the order of tables: `base_generator` and `generator`, the profile's before and
    after fine-tuning, and names of `other_generators`.
    """
    prompts: Annotated[
        list[Literal[tuple(PROMPTS)]],  # type: ignore[valid-type]
        Field(min_length=1),
        AfterValidator(_distinct),
    ]
    """What each of them draws from: `single`, one caption; `concat`, all captions of the image;
    `concat_styler`; and `sbert_styler`, the caption closest to all of them.
    """
    single: Literal["every", "random"]
    """The captions of prompts `single`: `every` caption gives an image of its own, which is scored
    against all captions of the original; or one, drawn at `random` with the image id as the seed.
    """
    styler: Annotated[str, Field(min_length=1)]
    """Text appended to the prompts of the variants with a styler."""
    captioner: Annotated[str, Field(min_length=1)]
    """Folder of a captioner in the hub's layout: `data/round_trip/captioner` is `other_captioner`.
    Another one draws no image again. For a paper, name one that was not trained on these images.
    """
    other_captioner: Annotated[
        LocalModel | HubModel | BlipCheckpoint, Field(discriminator="source")
    ]
    """A captioner to obtain, if `captioner` asks for it."""
    other_generators: dict[Annotated[str, AfterValidator(_free_name)], OtherGenerator]
    """Generators that are none of the experiment's, by name; `{}`: none."""

    @property
    def grid(self) -> Grid:
        """The variants that are asked for."""
        return Grid(self.generators, self.prompts)

    @property
    def asked_others(self) -> dict[str, OtherGenerator]:
        """Those of ``other_generators`` that ``generators`` names."""
        return {
            name: other for name, other in self.other_generators.items() if name in self.generators
        }

    def synthesis_of(self, generator: str, of_experiment: Synthesis) -> Synthesis:
        """What a generator draws with: its own settings, or those of the experiment."""
        other = self.other_generators.get(generator)
        return (other and other.synthesis) or of_experiment


def load_round_trip() -> RoundTrip:
    """Read and validate stages/round_trip/params.yaml.

    Raises:
        InvalidParams: with a line for every fault.
    """
    raw = read_yaml(PARAMS_FILE)
    faults: list[str] = []
    validated = validate(RoundTrip, raw, PARAMS_FILE, faults)
    faults += _unknown_generators(raw)
    if faults or validated is None:
        raise invalid(faults)
    return validated


def _unknown_generators(raw: dict[str, Any]) -> list[str]:
    """A line for each of ``generators`` that nothing of that name is."""
    named, others = raw.get("generators"), raw.get("other_generators")
    known = list(dict.fromkeys([*OURS, *(others if isinstance(others, dict) else ())]))
    return [
        f"{PARAMS_FILE}: generators.{number} = {name!r}: allowed: {', '.join(map(str, known))}"
        for number, name in enumerate(named if isinstance(named, list) else [])
        if isinstance(name, str) and name not in known
    ]
