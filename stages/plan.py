"""Say what `dvc repro` would cost with the parameters as they stand: stages, images, room, hours.

Not a stage of the pipeline, and it changes nothing: look before you spend a day of a GPU.
"""

import argparse
import json
import math
import shutil
import sys
from collections.abc import Callable, Collection, Hashable, Sequence
from itertools import cycle, islice
from pathlib import Path

from safetensors import safe_open

from caption_curation import paths
from caption_curation.config.params import Params, load_params
from caption_curation.experiments.planning.bounds import Bounds
from caption_curation.experiments.planning.corpus_size import CorpusSize, planned_corpus, size_of
from caption_curation.experiments.planning.forecast import Forecast, State, open_forecast
from caption_curation.experiments.planning.image_bytes import mean_jpeg_bytes
from caption_curation.experiments.planning.images import images_to_draw, samples_before_training
from caption_curation.experiments.planning.table import space_table, stages_table, work_table
from caption_curation.experiments.planning.work import DRAWING, TRAINING, space_of, work_of
from caption_curation.samples import Sample, read_images, read_json_lines, read_samples, samples_of
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.image_store import (
    ImageRequest,
    ImageStore,
    image_key,
    image_seed,
)
from caption_curation.text_to_image.image_store.dvc_images import images_in_dvc_cache
from caption_curation.text_to_image.synthesis.overflow import fit_requests, load_token_limit
from caption_curation.text_to_image.synthesis.requests import prompt_of, recipe_of, requests_of
from stages import run

PHOTOGRAPHS = 32  # whose size as a JPEG of the generator's size stands for that of an image


def main(*arguments: str) -> None:
    """Print the plan."""
    options = _parse(arguments)
    params = load_params()
    with open_forecast() as forecast:
        corpus = _corpus(params, forecast)
        images = _images(params, forecast, corpus)
        print(f"{corpus.samples:,} training samples (from {corpus.known_from})\n")
        print("\n".join(stages_table(forecast.states)), end="\n\n")
        if all(state.is_done for state in forecast.states.values()):
            print("Nothing to do: every result is there.")
            return
        throughput: dict[str, float] = {}
        image_bytes = _image_bytes(params, forecast, corpus)
        unit = "GPU-hours"
        if options.measure:
            throughput, measured_bytes = _measure(params, corpus, options.measure)
            image_bytes = measured_bytes or image_bytes
            unit = _unit_of_this_machine()
        given = {DRAWING: options.images_per_second, TRAINING: options.pairs_per_second}
        throughput |= {name: speed for name, speed in given.items() if speed}
        work = work_of(params, forecast.states, corpus, images, throughput)
        weights = forecast.file(paths.captioner(0) / "model.safetensors")
        space = space_of(
            params,
            forecast.states,
            images,
            image_bytes=image_bytes,
            captioner_bytes=weights.stat().st_size if weights else None,
            network_bytes=_network_bytes(forecast),
        )
        print("\n".join(work_table(work, unit)), end="\n\n")
        print("\n".join(space_table(space, shutil.disk_usage(Path()).free)))


def _corpus(params: Params, forecast: Forecast) -> CorpusSize:
    files = [forecast.file(paths.CORPUS / f"{split}.jsonl") for split in ("train", "val", "test")]
    train, val, test = files
    if not (train and val and test):
        return planned_corpus(params.profile.data)
    return size_of(
        read_images(train), len(read_images(val)), len(read_images(test)), paths.CORPUS.as_posix()
    )


def _images(params: Params, forecast: Forecast, corpus: CorpusSize) -> Bounds:
    """The images to draw; as far as training sets and generator are known, their very keys."""
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
        recipe = recipe_of(experiment.synthesis, params.profile.generator, weights)
        for epoch, samples in known.items():
            requests = _requests(samples, params, forecast, corpus)
            asked[epoch] = {image_key(recipe, request) for request in requests}
        keys = {str(key) for of_epoch in asked.values() for key in of_epoch}
        stored = _stored(keys, forecast.cache)
    else:
        by_caption = experiment.prompt.mode == "single"
        for epoch, samples in known.items():
            asked[epoch] = {
                (one.image_id, one.caption if by_caption else "", one.replicate)
                for one in samples
                if one.replicate is not None
            }
        # Those of a generator that is fine-tuned anew are in no store.
        stored = () if generator is State.RUNS else None
    return images_to_draw(done, asked, stored, experiment.curation, corpus.samples)


def _samples(
    epoch: int, params: Params, forecast: Forecast, corpus: CorpusSize
) -> list[Sample] | None:
    """The training set after an epoch (0: before training), if it is known already."""
    file = forecast.file(paths.curated(epoch) / "samples.jsonl")
    if file:
        return read_samples(file)
    static = params.experiment.curation.schedule == "static"
    if corpus.training is not None and (epoch == 0 or static):
        return samples_before_training(corpus.training, params.experiment)
    return None


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
    requests = requests_of(samples, corpus.training or (), prompt, chosen)
    if prompt.overflow != "truncate":
        requests, _ = fit_requests(requests, prompt, load_token_limit(paths.GENERATOR))
    return list(requests.values())


def _stored(keys: Collection[str], cache: Path) -> set[str]:
    """Those of the keys whose image is in the store or in DVC's cache."""
    missing = set(ImageStore(cache).missing(keys))
    imported = {
        key for key, file in images_in_dvc_cache(cache) if key in missing and file.is_file()
    }
    return set(keys) - missing | imported


def _image_bytes(params: Params, forecast: Forecast, corpus: CorpusSize) -> float | None:
    training = corpus.training or ()
    chosen = training[:: max(1, len(training) // PHOTOGRAPHS)][:PHOTOGRAPHS]
    found = [forecast.file(paths.CORPUS / "images" / image.file_name) for image in chosen]
    section = params.profile.generator
    return mean_jpeg_bytes(
        [file for file in found if file], section.image_size, section.jpeg_quality
    )


def _network_bytes(forecast: Forecast) -> float | None:
    """Size of the generator's denoising network in fp32, which its file may not be in."""
    file = forecast.file(paths.BASE_GENERATOR / "unet" / "diffusion_pytorch_model.safetensors")
    if file is None:
        return None
    with safe_open(file, "numpy") as weights:
        shapes = [weights.get_slice(name).get_shape() for name in weights.offset_keys()]
    return float(sum(4 * math.prod(shape) for shape in shapes))


def _measure(
    params: Params, corpus: CorpusSize, batches: int
) -> tuple[dict[str, float], float | None]:
    """Throughput by the names of work, and bytes of an image, as far as there are models."""
    from caption_curation.experiments.planning.throughput import measure_captioner, measure_drawing

    photographs = paths.CORPUS / "images"
    if corpus.training is None or not photographs.is_dir():
        raise InputError("--measure: the corpus is not here yet; `dvc repro corpus` makes it")
    throughput: dict[str, float] = {}
    image_bytes = None
    prompt = params.experiment.prompt
    generators = [paths.GENERATOR, paths.BASE_GENERATOR]
    generator = _first_model(generators, "model_index.json")
    if generator:
        count = batches * params.profile.generator.synthesis_batch_size
        requests = [
            ImageRequest(
                prompt_of(image.captions, image.captions[0], prompt), image_seed(image.image_id, 0)
            )
            for image in islice(cycle(corpus.training), count)
        ]
        speed = measure_drawing(params, generator, requests)
        throughput[DRAWING], image_bytes = speed.per_second, speed.image_bytes
    else:
        print("There is no generator yet to measure; `dvc repro base_generator` obtains one.")
    captioner = _first_model([paths.captioner(0)], "config.json")
    if captioner:
        count = batches * params.profile.captioner.fine_tuning.batch_size
        samples = samples_of(corpus.training)[:count]
        files = {one.sample_id: photographs / one.file_name for one in samples}
        throughput |= measure_captioner(params, captioner, samples, files)
    else:
        print("There is no captioner yet to measure; `dvc repro base_captioner` obtains one.")
    return throughput, image_bytes


def _unit_of_this_machine() -> str:
    from caption_curation.compute.devices import prepare_device

    return "CPU-hours" if prepare_device().type == "cpu" else "GPU-hours"


def _first_model(folders: Sequence[Path], part: str) -> Path | None:
    return next((folder for folder in folders if (folder / part).is_file()), None)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.plan",
        description="What `dvc repro` would do with params.yaml and the profile as they stand: the "
        "stages that run and those that are cached, the images to draw, disk space, and hours of "
        "one GPU (or of this machine, where it has none) at a given or measured speed.",
    )
    parser.add_argument(
        "--measure",
        type=_positive(int),
        nargs="?",
        const=4,
        metavar="BATCHES",
        help="time so many batches of each kind of work here (default: %(const)s)",
    )
    parser.add_argument(
        "--images-per-second", type=_positive(float), metavar="X", help="that the generator draws"
    )
    parser.add_argument(
        "--pairs-per-second",
        type=_positive(float),
        metavar="X",
        help="(image, caption) pairs that the captioner is trained on",
    )
    return parser.parse_args(arguments)


def _positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """A number above zero, as argparse wants it."""

    def read(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = kind(0)
        if not 0 < number < math.inf:
            what = "whole number" if kind is int else "number"
            raise argparse.ArgumentTypeError(f"{text}: a {what} above 0 is needed")
        return number

    return read


if __name__ == "__main__":
    run(main, *sys.argv[1:])
