"""Write how a generator draws, by which its images are known to be up to date."""

from functools import partial
from pathlib import Path

from caption_curation.config.params import load_params
from caption_curation.model_files import weights_digest
from caption_curation.round_trip.checks import drawing_faults
from caption_curation.round_trip.parameters import load_round_trip
from caption_curation.round_trip.recipe import Recipe, write_recipe
from caption_curation.round_trip.variants import OURS
from caption_curation.support.digest_memo import DigestMemo
from caption_curation.support.dvc_cache import dvc_cache_folder
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.family import GENERATORS, abilities_of
from stages import round_trip, run

MADE_BY = {"base_generator": "base_generator", "generator": "finetune_generator"}
OTHERS_MADE_BY = "stages/round_trip_models/dvc.yaml:generator@{}"


def main(name: round_trip.Generator) -> None:
    """Write data/round_trip/recipes/NAME.json: model, family, image size and what it draws with.

    Another model, another setting or another module of its family makes another recipe, and with it
    other images; those of no other generator.
    """
    params, settings = load_params(), load_round_trip()
    if name not in OURS:
        round_trip.settings_of(name, settings)
    model = round_trip.generator_folder(name)
    if not model.is_dir():
        made_by = MADE_BY.get(name, OTHERS_MADE_BY.format(name))
        raise InputError(f"{model}: there is no such generator; `dvc repro {made_by}` makes it")
    faults = drawing_faults({name: model}, settings, params)
    if faults:
        raise InputError("\n".join(faults))
    family = GENERATORS.name(model)
    digest_of = partial(DigestMemo(dvc_cache_folder()).digest, algorithm="sha256")
    recipe = Recipe(
        family=family,
        code=GENERATORS.code(family, Path()),
        weights=weights_digest(model, digest_of),
        image_size=(
            params.profile.generator.image_size if name in OURS else abilities_of(model).native_size
        ),
        synthesis=settings.synthesis_of(name, params.experiment.synthesis).model_dump(),
    )
    write_recipe(round_trip.recipe_file(name), recipe)


if __name__ == "__main__":
    run(main)
