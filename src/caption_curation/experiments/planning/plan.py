"""The plan: what `dvc repro` would cost with the parameters as they stand, put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caption_curation import paths
from caption_curation.config.params import Params
from caption_curation.experiments.planning.benchmarked import benchmarked
from caption_curation.experiments.planning.corpus_size import CorpusSize, planned_corpus, size_of
from caption_curation.experiments.planning.forecast import Forecast, State
from caption_curation.experiments.planning.image_bytes import mean_jpeg_bytes
from caption_curation.experiments.planning.image_count import images_of_plan
from caption_curation.experiments.planning.model_bytes import (
    base_captioner_bytes,
    trained_bytes,
    trained_of_base_bytes,
)
from caption_curation.experiments.planning.models import Model, models_of
from caption_curation.experiments.planning.throughput import measure
from caption_curation.experiments.planning.work import Space, Work, space_of, work_of
from caption_curation.samples import read_images

PHOTOGRAPHS = 32  # whose size as a JPEG of the generator's size stands for that of an image


@dataclass(frozen=True)
class Plan:
    """What is left to do.

    Attributes:
        corpus: its size.
        states: of the stages.
        work: on models; empty where every result is there.
        space: that the work takes on disk.
        unit: of the work's hours, such as ``GPU-hours``.
        notes: where speeds are from, and what could not be measured, a line each.
        models: that do the work.
    """

    corpus: CorpusSize
    states: Mapping[str, State]
    work: Sequence[Work] = ()
    space: Sequence[Space] = ()
    unit: str = "GPU-hours"
    notes: Sequence[str] = ()
    models: Sequence[Model] = ()


def make_plan(
    params: Params, forecast: Forecast, speeds: Mapping[str, float], measured_batches: int | None
) -> Plan:
    """The plan for the parameters as they stand.

    Args:
        params: the experiment and its profile.
        forecast: of its stages.
        speeds: amounts per second by the names of work, as far as somebody knows them.
        measured_batches: how many of each kind of work are timed here; ``None``: none.

    Raises:
        InputError: nothing can be measured, as the corpus is not here.
    """
    corpus = _corpus(params, forecast)
    images = images_of_plan(params, forecast, corpus)
    if all(state.is_done for state in forecast.states.values()):
        return Plan(corpus, forecast.states)
    image_bytes = _image_bytes(params, forecast, corpus)
    unit, notes = "GPU-hours", list[str]()
    if measured_batches:
        measured = measure(params, corpus, measured_batches, forecast.current)
        unit, notes = measured.unit, measured.notes
        speeds = {**measured.per_second, **speeds}
        image_bytes = measured.image_bytes or image_bytes
    else:
        known = benchmarked(params)
        notes = list(known.notes)
        speeds = {**known.per_second, **speeds}
    weights = forecast.file(paths.captioner(0) / "model.safetensors")
    networks = [
        forecast.file(paths.BASE_GENERATOR / part / "diffusion_pytorch_model.safetensors")
        for part in ("unet", "transformer")
    ]
    network = next((file for file in networks if file), None)
    space = space_of(
        params,
        forecast.states,
        images,
        image_bytes=image_bytes,
        captioner_bytes=(
            trained_bytes([weights], params.profile.captioner.fine_tuning.adapter)
            if weights
            else base_captioner_bytes(params)
        ),
        network_bytes=(
            trained_bytes([network], params.profile.generator.fine_tuning.adapter)
            if network
            else trained_of_base_bytes(params)
        ),
    )
    work = work_of(params, forecast.states, corpus, images, speeds)
    models = models_of(params, forecast.file)
    return Plan(corpus, forecast.states, work, space, unit, notes, models)


def _corpus(params: Params, forecast: Forecast) -> CorpusSize:
    files = [forecast.file(paths.CORPUS / f"{split}.jsonl") for split in ("train", "val", "test")]
    train, val, test = files
    if not (train and val and test):
        return planned_corpus(params)
    return size_of(
        read_images(train), len(read_images(val)), len(read_images(test)), paths.CORPUS.as_posix()
    )


def _image_bytes(params: Params, forecast: Forecast, corpus: CorpusSize) -> float | None:
    training = corpus.training or ()
    chosen = training[:: max(1, len(training) // PHOTOGRAPHS)][:PHOTOGRAPHS]
    found = [forecast.file(paths.CORPUS / "images" / image.file_name) for image in chosen]
    section = params.profile.generator
    return mean_jpeg_bytes(
        [file for file in found if file], section.image_size, section.jpeg_quality
    )
