"""Draw the synthetic images that the training set shows from an epoch on."""

import json
import shutil
from pathlib import Path

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.samples import read_images, read_json_lines, read_samples, write_json_lines
from caption_curation.shown_images import INDEX
from caption_curation.support.launcher import process_info
from caption_curation.support.outputs import write_atomically
from caption_curation.support.stage_arguments import Epoch
from caption_curation.text_to_image.image_store import attempt_of
from caption_curation.text_to_image.synthesis.images import obtain_images
from caption_curation.text_to_image.synthesis.overflow import fit_requests, load_token_limit
from caption_curation.text_to_image.synthesis.requests import requests_of
from stages import run_on_processes


def main(epoch: Epoch) -> None:
    """Write the image of every sample that shows a synthetic one, their index and counts."""
    params = load_params()
    experiment = params.experiment
    samples = read_samples(paths.curated(epoch) / "samples.jsonl")
    images = read_images(paths.CORPUS / "train.jsonl")
    sbert_captions = {
        record["image_id"]: record["caption"]
        for record in read_json_lines(paths.sbert_captions("train"))
    }
    requests = requests_of(samples, images, experiment.prompt, sbert_captions)
    token_limit = load_token_limit(paths.GENERATOR)
    prompts = len({request.prompt for request in requests.values()})
    requests, too_long = fit_requests(requests, experiment.prompt, token_limit)
    digest = json.loads((paths.GENERATOR / "digest.json").read_text(encoding="utf-8"))

    folder = paths.synthetic(epoch)
    partial = folder.with_name(f"{folder.name}.partial")
    is_main = process_info().is_main
    if is_main:
        shutil.rmtree(partial, ignore_errors=True)
    keys = obtain_images(
        requests,
        generator=paths.GENERATOR,
        weights_digest=digest["sha256"],
        synthesis=experiment.synthesis,
        section=params.profile.generator,
        folder=partial,
    )
    if not is_main:
        return
    attempts = {key: attempt_of(partial / f"{key}.jpg") for key in set(keys.values())}
    index = [
        {"sample_id": name, "key": keys[name], "prompt": request.prompt, "seed": request.seed}
        # Only where there was another attempt, so that the index of all others stays what it was.
        | ({"attempt": attempts[keys[name]]} if attempts[keys[name]] else {})
        for name, request in requests.items()
    ]
    write_json_lines(partial / INDEX, index)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    redrawn = sum(attempt > 0 for attempt in attempts.values())
    _write_counts(
        paths.synthesis_counts(epoch),
        {
            "prompts": prompts,
            "too_long": too_long,
            "most_tokens": token_limit.max_tokens,
            "redrawn": redrawn,
        },
    )


def _write_counts(path: Path, counts: dict[str, int]) -> None:
    """Write the counts and say what is out of the ordinary."""
    if counts["too_long"]:
        print(
            f"{counts['too_long']} of {counts['prompts']} prompts are longer than "
            f"{counts['most_tokens']} tokens (prompt.overflow says what becomes of them)"
        )
    if counts["redrawn"]:
        print(f"{counts['redrawn']} images are from another attempt than the first")
    write_atomically(path, json.dumps(counts, indent=2) + "\n")


if __name__ == "__main__":
    run_on_processes(main)
