"""How fast models of the other families draw, train and score on a GPU, with random weights."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.published import GENERATORS, PublishedGenerator
from benchmarks.random_captioners import CAPTIONERS, PublishedCaptioner
from benchmarks.random_families import write_generator
from benchmarks.results import Row, alternating
from benchmarks.scoring import losses_of
from caption_curation.captioner.model.adapters import new_adapter
from caption_curation.captioner.model.captioner import load_captioner
from caption_curation.captioner.training.epoch import new_optimizer, train_epoch
from caption_curation.compute.devices import prepare_device
from caption_curation.config.experiment import Training
from caption_curation.config.profile import Augmentation, CaptionerFineTuning
from caption_curation.experiments.planning.work import GENERATING, SCORING, TRAINING
from caption_curation.samples import Sample
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.drawing import image_dtype
from caption_curation.text_to_image.family import GENERATORS as GENERATOR_FAMILIES

WARM_UP = 1  # batches, in which networks are compiled


def generators(
    prompts: Sequence[str], repetitions: int, published: Sequence[PublishedGenerator] = GENERATORS
) -> list[Row]:
    """Images per second of each generator, one after the other, as its card says."""
    device = prepare_device()
    rows = []
    for each in tqdm(published, desc="generators", disable=None):
        with tempfile.TemporaryDirectory() as name:
            folder = write_generator(each, Path(name) / "model", device, image_dtype(device))
            rows.append(drawing_row(each, folder, prompts, repetitions))
    return rows


def drawing_row(
    published: PublishedGenerator, folder: Path, prompts: Sequence[str], repetitions: int
) -> Row:
    """Images per second of the generator in a folder, in full batches, compiled before."""
    family = GENERATOR_FAMILIES.load(GENERATOR_FAMILIES.name(folder))
    generator = family.load_generator(folder, sampler="native")
    count = published.images
    given = [". ".join(prompts)] * count

    def draw() -> Any:
        return family.generate(
            generator,
            given,
            list(range(count)),
            in_windows=[False] * count,
            steps=published.steps,
            guidance=published.guidance,
            negative_prompt="",
            size=(published.image_size, published.image_size),
            pad_to=count,
        )

    alternating({"draw": draw}, WARM_UP)
    seconds = alternating({"draw": draw}, repetitions)["draw"]
    guidance = published.guidance > 1
    return Row(
        f"{published.models[0]}, {published.image_size} px, {published.steps} steps"
        f"{', guidance' if guidance else ''}, {count} at a time",
        "images/s",
        [count / value for value in seconds],
        better="higher",
        of={
            "work": GENERATING,
            "models": list(published.models),
            "image_size": published.image_size,
            "steps": published.steps,
            "guidance": guidance,
        },
    )


def captioners(
    samples: Sequence[Sample],
    files: dict[str, Path],
    *,
    training_batch: int,
    scoring_batch: int,
    repetitions: int,
    published: Sequence[PublishedCaptioner] = CAPTIONERS,
) -> tuple[list[Row], list[str]]:
    """Pairs per second of each captioner in training and in scoring, and why one has none."""
    rows: list[Row] = []
    notes = []
    for each in tqdm(published, desc="captioners", disable=None):
        with tempfile.TemporaryDirectory() as name:
            try:
                folder = each.write(Path(name), [sample.caption for sample in samples])
                rows += captioning_rows(
                    each, folder, samples, files, training_batch, scoring_batch, repetitions
                )
            except (ImportError, InputError) as error:
                reason = str(error).strip().partition("\n")[0]
                notes.append(f"{each.models[0]} is not measured: {reason}")
    return rows, notes


def captioning_rows(
    published: PublishedCaptioner,
    folder: Path,
    samples: Sequence[Sample],
    files: dict[str, Path],
    training_batch: int,
    scoring_batch: int,
    repetitions: int,
) -> list[Row]:
    """Training and scoring by the captioner in a folder."""
    captioner = load_captioner(
        folder, published.image_size, prepare_device(), instruction=published.instruction
    )
    if published.adapter:
        captioner = new_adapter(captioner, published.adapter, folder, seed=0)
    fine_tuning = CaptionerFineTuning(
        batch_size=training_batch,
        last_batch="train",
        learning_rate=1e-5,
        weight_decay=0.05,
        max_tokens=40,
        augmentation=Augmentation(smallest_crop=0.5, horizontal_flip=True, rand_augment=None),
        adapter=published.adapter,
    )
    optimizer = new_optimizer(captioner, fine_tuning.weight_decay)

    def train(count: int = len(samples)) -> float:
        return train_epoch(
            captioner,
            optimizer,
            samples[:count],
            files,
            epoch=1,
            seed=0,
            training=Training(epochs=1, schedule_epochs=5, label_smoothing=0.1, prompt=""),
            fine_tuning=fine_tuning,
        )

    train(training_batch)  # warms up
    training = alternating({"train": train}, repetitions)["train"]
    score = {"score": lambda: losses_of(captioner, samples, files, scoring_batch)}
    alternating(score, WARM_UP)
    scoring = alternating(score, repetitions)["score"]
    what = f"{published.models[0]}, {published.image_size} px"
    settings = {
        "models": list(published.models),
        "image_size": published.image_size,
        "adapter": published.adapter is not None,
    }
    trained = "training an adapter of" if published.adapter else "training"
    return [
        Row(
            f"{name} {what}, with reading",
            "pairs/s",
            [len(samples) / value for value in seconds],
            better="higher",
            of={"work": work, **settings},
        )
        for name, work, seconds in (
            (trained, TRAINING, training),
            ("scoring", SCORING, scoring),
        )
    ]
