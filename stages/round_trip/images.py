"""Draw the images of one variant of the round trip."""

import json
import shutil

from caption_curation.config.params import load_params
from caption_curation.numerical_classes import write_classes
from caption_curation.round_trip.items import Item
from caption_curation.round_trip.parameters import load_round_trip
from caption_curation.round_trip.recipe import read_recipe
from caption_curation.round_trip.variants import PROMPTS, Variant
from caption_curation.samples import read_json_lines, write_json_lines
from caption_curation.support.launcher import process_info
from caption_curation.support.outputs import write_atomically
from caption_curation.synthetic_index import INDEX
from caption_curation.text_to_image.image_store import ImageRequest, image_seed, origin_of
from caption_curation.text_to_image.synthesis.images import obtain_images
from caption_curation.text_to_image.synthesis.overflow import fit_requests, load_token_limit
from stages import round_trip, run_on_processes


def main(generator: round_trip.Generator, prompt: round_trip.PromptKind) -> None:
    """Write an image for every prompt, their index, and counts.

    An image's seed comes from its image id alone, so that all variants, and all images of one
    original, begin with the same noise.
    ``prompt.overflow`` says what becomes of prompts that are too long, as for the training set.
    """
    params = load_params()
    model = round_trip.generator_folder(generator)
    recipe = read_recipe(round_trip.recipe_file(generator))
    section = params.profile.generator.model_copy(update={"image_size": recipe.image_size})
    settings = PROMPTS[prompt].settings(load_round_trip().styler, params.experiment.prompt)
    items = [Item(**record) for record in read_json_lines(round_trip.PROMPTS / f"{prompt}.jsonl")]
    requests = {
        item.item_id: ImageRequest(item.prompt, image_seed(item.image_id, 0)) for item in items
    }
    prompts = len({request.prompt for request in requests.values()})
    token_limit = load_token_limit(model)
    requests, too_long = fit_requests(requests, settings, token_limit)
    folder = round_trip.images_folder(Variant(generator, prompt).name)
    partial = folder.with_name(f"{folder.name}.partial")
    is_main = process_info().is_main
    if is_main:
        shutil.rmtree(partial, ignore_errors=True)
    keys = obtain_images(
        requests,
        generator=model,
        weights_digest=recipe.weights,
        synthesis=recipe.settings,
        section=section,
        arithmetic=params.experiment.compute.arithmetic,
        folder=partial,
    ).keys
    if not is_main:
        return
    index = [
        {
            "item_id": item.item_id,
            "image_id": item.image_id,
            "key": keys[item.item_id],
            "prompt": requests[item.item_id].prompt,
            "seed": requests[item.item_id].seed,
        }
        for item in items
    ]
    write_json_lines(partial / INDEX, index)
    origins = [origin_of(partial / f"{key}.jpg") for key in set(keys.values())]
    classes = {origin.numerical_class for origin in origins}
    write_classes(round_trip.classes_of("images", Variant(generator, prompt).name), classes)
    redrawn = sum(origin.attempt > 0 for origin in origins)
    counts = {
        "prompts": prompts,
        "too_long": too_long,
        "most_tokens": token_limit.max_tokens,
        "redrawn": redrawn,
    }
    write_atomically(partial / round_trip.COUNTS, json.dumps(counts, indent=2) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


if __name__ == "__main__":
    run_on_processes(main)
