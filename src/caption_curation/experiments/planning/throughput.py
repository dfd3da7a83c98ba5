"""How fast this machine is: short runs of the real work, timed after a warm-up.

Speed does not depend on what weights a model has, so any stage's model of the same profile will do,
as it was before its training. The warm-up takes what happens once: loading, compilation, memory.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from caption_curation import paths
from caption_curation.config.params import Params
from caption_curation.experiments.planning.corpus_size import CorpusSize
from caption_curation.experiments.planning.work import CAPTIONING, GENERATING, SCORING, TRAINING
from caption_curation.samples import Sample, samples_of
from caption_curation.shown_images import shown_files
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.image_store import ImageRequest, image_seed
from caption_curation.text_to_image.image_store.image_files import encode_image
from caption_curation.text_to_image.synthesis.requests import image_generator, prompt_of, recipe_of

NOT_HERE = "The {model} of these parameters is not here to measure; `dvc repro {stage}` gets it."


@dataclass(frozen=True)
class GeneratorSpeed:
    """Images per second, and the mean size of one as the store keeps it, in bytes."""

    per_second: float
    image_bytes: float


def measure_generator(
    params: Params, generator: Path, requests: Sequence[ImageRequest]
) -> GeneratorSpeed:
    """Time the generation and encoding of ``requests``, in full batches, after one batch more.

    Args:
        params: how images are generated and stored.
        generator: the folder of a model.
        requests: at least one.
    """
    section, synthesis = params.profile.generator, params.experiment.synthesis
    recipe = recipe_of(synthesis, section, "none", "native")
    size = section.synthesis_batch_size
    generate = image_generator(generator, synthesis, section.image_size, size)
    batches = [list(requests[start : start + size]) for start in range(0, len(requests), size)]
    generate(batches[0])
    sizes: list[int] = []
    start = time.perf_counter()
    for batch in batches:
        for request, image in zip(batch, generate(batch), strict=True):
            if image is not None:
                sizes.append(len(encode_image(image, recipe, request, attempt=0)))
    seconds = time.perf_counter() - start
    return GeneratorSpeed(len(requests) / seconds, sum(sizes) / max(1, len(sizes)))


def measure_captioner(
    params: Params, captioner: Path, samples: Sequence[Sample], files: Mapping[str, Path]
) -> dict[str, float]:
    """Samples trained on and scored, and images captioned, per second, by the names of work.

    Args:
        params: the recipe and its batch sizes.
        captioner: the folder of a model; it is not changed.
        samples: to work on.
        files: the image file of each sample.
    """
    from caption_curation.captioner.captioning import generate_captions
    from caption_curation.captioner.model.captioner import load_captioner
    from caption_curation.captioner.scoring import sample_losses
    from caption_curation.captioner.training.epoch import new_optimizer, train_epoch
    from caption_curation.compute.devices import prepare_device

    section, training = params.profile.captioner, params.experiment.training
    model = load_captioner(
        captioner, section.image_size, prepare_device(), instruction=section.instruction
    )
    images = list(dict.fromkeys(files[sample.sample_id] for sample in samples))

    def caption(count: int) -> None:
        generate_captions(
            model,
            images[:count],
            prompt=training.prompt,
            evaluation=params.experiment.evaluation,
            beam_length=section.beam_length,
            batch_size=section.inference_batch_size,
        )

    def score(count: int) -> None:
        sample_losses(
            model,
            samples[:count],
            files,
            prompt=training.prompt,
            max_tokens=section.fine_tuning.max_tokens,
            label_smoothing=training.label_smoothing,
            batch_size=section.inference_batch_size,
        )

    optimizer = new_optimizer(model, section.fine_tuning.weight_decay)

    def train(count: int) -> None:
        train_epoch(
            model,
            optimizer,
            samples[:count],
            files,
            epoch=1,
            seed=params.experiment.seed,
            training=training,
            fine_tuning=section.fine_tuning,
        )

    return {
        CAPTIONING: _per_second(caption, len(images), section.inference_batch_size),
        SCORING: _per_second(score, len(samples), section.inference_batch_size),
        TRAINING: _per_second(train, len(samples), section.fine_tuning.batch_size),
    }


@dataclass(frozen=True)
class Measured:
    """What was timed here.

    Attributes:
        per_second: amounts by the names of work, as far as there are models.
        image_bytes: the mean size of an image, where a generator drew any.
        unit: whose hours these are: ``CPU-hours`` or ``GPU-hours``.
        notes: which models are missing, a line each.
    """

    per_second: Mapping[str, float]
    image_bytes: float | None
    unit: str
    notes: list[str]


def measure(params: Params, corpus: CorpusSize, batches: int, current: Collection[str]) -> Measured:
    """Time every kind of work of which there is a model in the workspace.

    Args:
        params: the recipe and its batch sizes.
        corpus: that is worked on.
        batches: of each kind.
        current: the stages whose results in the workspace are those of ``params``: a model of
            another profile that lies there is not measured.

    Raises:
        InputError: the corpus is not in the workspace.
    """
    from caption_curation.compute.devices import prepare_device

    photographs = paths.CORPUS / "images"
    if corpus.training is None or not photographs.is_dir():
        raise InputError("--measure: the corpus is not here yet; `dvc repro corpus` makes it")
    per_second: dict[str, float] = {}
    image_bytes = None
    notes: list[str] = []
    prompt = params.experiment.prompt
    generators = {"finetune_generator": paths.GENERATOR, "base_generator": paths.BASE_GENERATOR}
    generator = next((generators[stage] for stage in generators if stage in current), None)
    if generator:
        count = batches * params.profile.generator.synthesis_batch_size
        requests = [
            ImageRequest(
                prompt_of(image.captions, image.captions[0], prompt), image_seed(image.image_id, 0)
            )
            for image in islice(cycle(corpus.training), count)
        ]
        speed = measure_generator(params, generator, requests)
        per_second[GENERATING], image_bytes = speed.per_second, speed.image_bytes
    else:
        notes.append(NOT_HERE.format(model="generator", stage="base_generator"))
    if "base_captioner" in current:
        count = batches * params.profile.captioner.fine_tuning.batch_size
        samples = samples_of(corpus.training, photographs)[:count]
        captioner = paths.captioner(0)
        per_second |= measure_captioner(params, captioner, samples, shown_files(samples))
    else:
        notes.append(NOT_HERE.format(model="captioner", stage="base_captioner"))
    unit = "CPU-hours" if prepare_device().type == "cpu" else "GPU-hours"
    return Measured(per_second, image_bytes, unit, notes)


def _per_second(work: Callable[[int], None], count: int, warm_up: int) -> float:
    work(min(count, warm_up))
    start = time.perf_counter()
    work(count)
    return count / (time.perf_counter() - start)
