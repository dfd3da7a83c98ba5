"""Whether generators have what they are to draw with."""

from collections.abc import Mapping
from pathlib import Path

from caption_curation.config.params import Params
from caption_curation.round_trip.parameters import PARAMS_FILE, RoundTrip
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.family import refuse_unsupported


def drawing_faults(models: Mapping[str, Path], settings: RoundTrip, params: Params) -> list[str]:
    """A text for every generator that has not all that it is to draw with.

    Args:
        models: folders of generators, by name.
        settings: of the round trip.
        params: the experiment, with what a generator draws with that has no settings of its own.
    """
    faults = []
    for name, model in models.items():
        other = settings.other_generators.get(name)
        own = other is not None and other.synthesis is not None
        where = f"other_generators.{name} in {PARAMS_FILE}" if own else "params.yaml"
        try:
            refuse_unsupported(
                model,
                synthesis=settings.synthesis_of(name, params.experiment.synthesis),
                prompt=params.experiment.prompt,
            )
        except InputError as error:
            faults.append(f"{name} draws as `synthesis` of {where} says: {error}")
    return faults
