"""Draw the synthetic images that an epoch's proposals ask for."""

import json
import shutil
from pathlib import Path

from caption_curation import paths
from caption_curation.config.experiment import Experiment
from caption_curation.config.params import load_params
from caption_curation.edits import read_proposals
from caption_curation.numerical_classes import write_classes
from caption_curation.samples import in_corpus_order, read_images, read_json_lines
from caption_curation.support.launcher import process_info
from caption_curation.support.outputs import write_atomically
from caption_curation.support.stage_arguments import Epoch
from caption_curation.synthetic_index import INDEX, SyntheticImage, write_synthetic_index
from caption_curation.text_to_image.family import refuse_unsupported
from caption_curation.text_to_image.image_store import ImageRequest, origin_of
from caption_curation.text_to_image.synthesis.images import obtain_images
from caption_curation.text_to_image.synthesis.overflow import fit_requests, load_token_limit
from caption_curation.text_to_image.synthesis.requests import requests_of
from stages import run_on_processes

CANDIDATES = 1  # images to draw for each proposal


def main(epoch: Epoch) -> None:
    """Write the images that this epoch's proposals ask for, their index and counts."""
    params = load_params()
    experiment = params.experiment
    requests = _requests(epoch, experiment)
    refuse_unsupported(paths.GENERATOR, synthesis=experiment.synthesis, prompt=experiment.prompt)
    token_limit = load_token_limit(paths.GENERATOR)
    prompts = len({request.prompt for request in requests.values()})
    requests, too_long = fit_requests(requests, experiment.prompt, token_limit)
    digest = json.loads((paths.GENERATOR / "digest.json").read_text(encoding="utf-8"))

    folder = paths.synthetic(epoch)
    partial = folder.with_name(f"{folder.name}.partial")
    is_main = process_info().is_main
    if is_main:
        shutil.rmtree(partial, ignore_errors=True)
    obtained = obtain_images(
        requests,
        generator=paths.GENERATOR,
        weights_digest=digest["sha256"],
        synthesis=experiment.synthesis,
        section=params.profile.generator,
        arithmetic=experiment.compute.arithmetic,
        folder=partial,
    )
    if not is_main:
        return
    origins = {key: origin_of(partial / f"{key}.jpg") for key in obtained.digests}
    index = (
        SyntheticImage(
            sample_id,
            candidate,
            key=obtained.keys[sample_id, candidate],
            seed=request.seed,
            md5=obtained.digests[obtained.keys[sample_id, candidate]],
            attempt=origins[obtained.keys[sample_id, candidate]].attempt,
            prompt=request.prompt,
        )
        for (sample_id, candidate), request in requests.items()
    )
    write_synthetic_index(partial / INDEX, index)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    write_classes(folder, {origin.numerical_class for origin in origins.values()})
    redrawn = sum(origin.attempt > 0 for origin in origins.values())
    _write_counts(
        paths.synthesis_counts(epoch),
        {
            "prompts": prompts,
            "too_long": too_long,
            "most_tokens": token_limit.max_tokens,
            "redrawn": redrawn,
        },
    )


def _requests(epoch: int, experiment: Experiment) -> dict[tuple[str, int], ImageRequest]:
    """What is to be drawn; what it follows from is let go before anything is."""
    proposals = read_proposals(paths.proposals(epoch))
    images = read_images(paths.CORPUS / "train.jsonl")
    wanted = in_corpus_order(
        [each.after for each in proposals if each.draws_image and each.after], images
    )
    sbert_captions = {
        record["image_id"]: record["caption"]
        for record in read_json_lines(paths.sbert_captions("train"))
    }
    return requests_of(
        wanted,
        images,
        experiment.prompt,
        sbert_captions,
        CANDIDATES,
        experiment.generator_seed,
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
