"""How many images a plan generates: those of known training sets, less what the store has."""

import json
from collections.abc import Collection, Hashable, Sequence
from pathlib import Path

from caption_curation import paths
from caption_curation.config.params import Params
from caption_curation.edits import read_proposals
from caption_curation.experiments.planning.bounds import Bounds
from caption_curation.experiments.planning.corpus_size import CorpusSize
from caption_curation.experiments.planning.forecast import Forecast, State
from caption_curation.experiments.planning.images import (
    asked_before_training,
    image_asked_for,
    images_to_generate,
    samples_asked_for,
)
from caption_curation.samples import Sample, read_json_lines
from caption_curation.text_to_image.image_store import ImageRequest, ImageStore, image_key
from caption_curation.text_to_image.image_store.adopted import recipes_adopted_from
from caption_curation.text_to_image.image_store.listings import Listings
from caption_curation.text_to_image.synthesis.overflow import fit_requests, load_token_limit
from caption_curation.text_to_image.synthesis.requests import recipe_of, requests_of


def images_of_plan(params: Params, forecast: Forecast, corpus: CorpusSize) -> Bounds:
    """The images to generate; as far as training sets and generator are known, their very keys."""
    experiment, states = params.experiment, forecast.states
    epochs = range(experiment.training.epochs)
    done = [states[f"synthesize@{epoch}"].is_done for epoch in epochs]
    known = {
        epoch: samples
        for epoch in epochs
        if not done[epoch] and (samples := _samples(epoch, params, forecast, corpus)) is not None
    }
    asked: dict[int, Collection[Hashable]] = {}
    stored: Collection[Hashable] | None = None
    generator = states["finetune_generator"]
    digest = forecast.file(paths.GENERATOR / "digest.json") if generator.is_done else None
    if digest and corpus.training is not None and _prompts_are_known(params, forecast):
        weights = json.loads(digest.read_text(encoding="utf-8"))["sha256"]
        recipe = recipe_of(
            experiment.synthesis,
            params.profile.generator,
            weights,
            experiment.compute.arithmetic,
        )
        recipes = [recipe, *recipes_adopted_from(recipe, forecast.cache)]
        alternatives: dict[str, list[str]] = {}
        for epoch, samples in known.items():
            requests = _requests(samples, params, forecast, corpus)
            keys = [[image_key(each, request) for each in recipes] for request in requests]
            alternatives |= {of_image[0]: of_image for of_image in keys}
            asked[epoch] = {of_image[0] for of_image in keys}
        there = _stored(
            {key for of_image in alternatives.values() for key in of_image}, forecast.cache
        )
        stored = {key for key, of_image in alternatives.items() if there.intersection(of_image)}
    else:
        mode = experiment.prompt.mode
        for epoch, samples in known.items():
            asked[epoch] = {image_asked_for(sample, mode) for sample in samples}
        # Those of a generator that is fine-tuned anew are in no store.
        stored = () if generator is State.RUNS else None
    return images_to_generate(
        done, asked, stored, experiment.curation, params.profile.curation, corpus.samples
    )


def _samples(
    epoch: int, params: Params, forecast: Forecast, corpus: CorpusSize
) -> list[Sample] | None:
    """The samples that images are drawn for after an epoch (0: before training), if known already.

    They have the captions and numbers of images that they would have.
    """
    file = forecast.file(paths.proposals(epoch))
    if file:
        return samples_asked_for(read_proposals(file))
    if epoch == 0:
        training = corpus.training
        return None if training is None else asked_before_training(training, params.experiment)
    return [] if params.experiment.curation.schedule == "static" else None


def _prompts_are_known(params: Params, forecast: Forecast) -> bool:
    prompt = params.experiment.prompt
    if prompt.mode == "sbert" and not forecast.file(paths.sbert_captions("train")):
        return False
    # Whether a prompt fits is asked of the tokenizer, which must lie in its folder.
    up_to_date = forecast.states["finetune_generator"] is State.UP_TO_DATE
    return prompt.overflow == "truncate" or up_to_date


def _requests(
    samples: Sequence[Sample], params: Params, forecast: Forecast, corpus: CorpusSize
) -> list[ImageRequest]:
    prompt = params.experiment.prompt
    file = forecast.file(paths.sbert_captions("train"))
    records = read_json_lines(file) if file else []
    chosen = {record["image_id"]: record["caption"] for record in records}
    requests = requests_of(
        samples,
        corpus.training or (),
        prompt,
        chosen,
        candidates=1,
        generator_seed=params.experiment.generator_seed,
    )
    if prompt.overflow != "truncate":
        requests, _ = fit_requests(requests, prompt, load_token_limit(paths.GENERATOR))
    return list(requests.values())


def _stored(keys: Collection[str], cache: Path) -> set[str]:
    """Those of the keys whose image is in the store or in DVC's cache."""
    missing = ImageStore(cache).missing(keys)
    imported = {key for key, file in Listings(cache).objects_of(missing) if file.is_file()}
    return set(keys).difference(missing) | imported
