"""The rows of the paper's Table 1 that the variants of a round trip repeat."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from caption_curation.config.languages import ENGLISH
from caption_curation.config.params import Params
from caption_curation.config.profile import HubModel, LocalModel, ScratchGenerator
from caption_curation.paper.numbers import RoundTripResult, table_1
from caption_curation.round_trip.parameters import RoundTrip
from caption_curation.round_trip.variants import PROMPTS, REAL

PROFILE = "flickr30k"  # whose validation captions the paper drew
STYLER = "national geographic, high quality photography, Canon EOS R3, Flickr"
PAPER_METRICS = ("bleu_4", "meteor", "rouge_l")  # Table 1 has no others
# By the last part of a model's id or folder. The paper does not say which Stable Diffusion 2.0.
MODELS = {
    "stable-diffusion-v1-5": "SD 1.5",
    "stable-diffusion-2": "SD 2.0",
    "stable-diffusion-2-base": "SD 2.0",
}


def paper_rows(params: Params, settings: RoundTrip) -> dict[str, RoundTripResult]:
    """The paper's results by the name of the variant that repeats them; empty for other profiles.

    Its captions are English.

    A variant repeats a row if generator, fine-tuning and prompt, with its joining and its styler,
    are the same. Who captions the images is not compared.

    Args:
        params: the experiment and its profile.
        settings: of the round trip.
    """
    experiment = params.experiment
    if experiment.profile != PROFILE or experiment.evaluation.language != ENGLISH:
        return {}
    inputs = experiment.inputs
    base = _model(params.profile.generator.base, inputs.generator)
    verbatim = experiment.prompt.joining == "verbatim"
    names = {
        "base_generator": base,
        "generator": base,
        **{
            name: _model(other.model, other.folder)
            for name, other in settings.other_generators.items()
        },
    }
    found = {}
    for row in table_1():
        if row.generator is None:
            found[REAL] = row
            continue
        for variant in settings.grid.variants:
            kind = PROMPTS[variant.prompt]
            if (
                verbatim
                and names[variant.generator] == row.generator
                and (variant.generator == "generator") == row.fine_tuned
                and kind.mode == row.prompt
                and kind.styled == row.styler
                and (not kind.styled or settings.styler == STYLER)
            ):
                found[variant.name] = row
    return found


def difference_to_bound(row: RoundTripResult) -> Mapping[str, float]:
    """The row's scores minus those of the paper's upper bound, in percent; empty for the bound."""
    if row.generator is None:
        return {}
    [bound] = [other.scores for other in table_1() if other.generator is None]
    return {metric: round(score - bound[metric], 1) for metric, score in row.scores.items()}


def _model(source: LocalModel | HubModel | ScratchGenerator, folder: str) -> str | None:
    """What the paper calls a model, if it is one of its."""
    if isinstance(source, ScratchGenerator):
        return None
    name = source.id if isinstance(source, HubModel) else folder
    return MODELS.get(PurePosixPath(name).name)
