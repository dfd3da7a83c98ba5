"""Draw the images of one variant of the round trip."""

import json
import shutil

from caption_curation.config.params import load_params
from caption_curation.pretrained import weights_digest
from caption_curation.round_trip.parameters import load_round_trip
from caption_curation.round_trip.variants import PROMPTS, Variant
from caption_curation.samples import read_json_lines, write_json_lines
from caption_curation.shown_images import INDEX
from caption_curation.support.errors import InputError
from caption_curation.support.launcher import process_info
from caption_curation.support.outputs import write_atomically
from caption_curation.text_to_image.image_store import ImageRequest, attempt_of, image_seed
from caption_curation.text_to_image.synthesis.images import obtain_images
from caption_curation.text_to_image.synthesis.overflow import fit_requests, load_token_limit
from stages import round_trip, run_on_processes


def main(generator: round_trip.Generator, prompt: round_trip.PromptKind) -> None:
    """Write an image for every prompt, their index, and counts.

    An image's seed comes from its image id alone, so that all variants begin with the same noise.
    ``prompt.overflow`` says what becomes of prompts that are too long, as for the training set.
    """
    params = load_params()
    model = round_trip.generator_folder(generator)
    if not model.is_dir():
        stage = "base_generator" if generator == "base_generator" else "finetune_generator"
        raise InputError(f"{model}: there is no such generator; `dvc repro {stage}` makes it")
    requests = {
        record["image_id"]: ImageRequest(record["prompt"], image_seed(record["image_id"], 0))
        for record in read_json_lines(round_trip.PROMPTS / f"{prompt}.jsonl")
    }
    prompts = len({request.prompt for request in requests.values()})
    token_limit = load_token_limit(model)
    settings = PROMPTS[prompt].settings(load_round_trip().styler, params.experiment.prompt)
    requests, too_long = fit_requests(requests, settings, token_limit)
    folder = round_trip.images_folder(Variant(generator, prompt).name)
    partial = folder.with_name(f"{folder.name}.partial")
    is_main = process_info().is_main
    if is_main:
        shutil.rmtree(partial, ignore_errors=True)
    keys = obtain_images(
        requests,
        generator=model,
        weights_digest=weights_digest(model),
        synthesis=params.experiment.synthesis,
        section=params.profile.generator,
        folder=partial,
    )
    if not is_main:
        return
    index = [
        {"image_id": name, "key": keys[name], "prompt": request.prompt, "seed": request.seed}
        for name, request in requests.items()
    ]
    write_json_lines(partial / INDEX, index)
    redrawn = sum(attempt_of(partial / f"{key}.jpg") > 0 for key in set(keys.values()))
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
