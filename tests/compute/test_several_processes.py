"""Stages on several processes, in little memory and in bfloat16: the results of one process."""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn.functional import dropout

from caption_curation import paths
from caption_curation.captioner.model.captioner import load_captioner
from caption_curation.captioner.scoring import sample_losses
from caption_curation.captioner.training.dropout import BatchDropout
from caption_curation.captioner.training.epoch import new_optimizer, train_epoch
from caption_curation.compute.devices import prepare_device
from caption_curation.config.experiment import Training
from caption_curation.config.profile import Augmentation, FineTuning
from caption_curation.corpora.corpus import image_files, write_split
from caption_curation.curation.uses import write_uses
from caption_curation.edits import Proposal, read_proposals, write_proposals
from caption_curation.image_index import digest_of
from caption_curation.model_files import weights_digest
from caption_curation.optimisation.micro_batches import BatchSlice
from caption_curation.samples import (
    CaptionedImage,
    SampleLoss,
    read_losses,
    samples_of,
    write_json_lines,
)
from caption_curation.shown_images import shown_files
from caption_curation.support.errors import InputError
from caption_curation.synthetic_index import INDEX, read_synthetic_index
from stages import curate
from tests.compute import launched_stages
from tests.conftest import REPOSITORY, TinyCorpus
from tests.pipeline.clone import change
from tests.small_run import COLOURS, TRAIN, VAL, set_parameters

# Nine samples of five images. Training has batches of 4, 4 and 1 samples (one of two processes has
# nothing to do in the last), scoring of 2, 2 and 1 images; captioning has one batch of two images.
IMAGES = [*TRAIN, CaptionedImage("e", "e.jpg", ("one orange cross on black",))]
SAMPLES = samples_of(IMAGES)
MODELS = REPOSITORY / "data" / "demo_models"
UNET = "unet/diffusion_pytorch_model.safetensors"


@dataclass(frozen=True)
class Outputs:
    """A folder that the stages ran in, and what they printed."""

    folder: Path
    printed: str

    def losses(self) -> list[SampleLoss]:
        """Of the score stage."""
        return read_losses(self.folder / paths.losses(1))

    def tensors(self, path: Path) -> dict[str, torch.Tensor]:
        """Of a file of weights or moments."""
        return load_file(self.folder / path)


def prepare(folder: Path, generator: Path, corpus: TinyCorpus) -> None:
    """What the stages of an experiment read before its first epoch, in a DVC repository."""
    set_parameters(folder, {})
    for split, images in {"train": IMAGES, "val": VAL}.items():
        corpus_folder = folder / paths.CORPUS
        (corpus_folder / "images").mkdir(parents=True, exist_ok=True)
        digests = {}
        for image in images:
            file = corpus_folder / "images" / image.file_name
            Image.new("RGB", (40, 32), COLOURS.get(image.image_id, "grey")).save(file)
            digests[image.file_name] = digest_of(file.read_bytes())
        write_split(split, images, image_files(digests, paths.CORPUS), corpus_folder)
    change(
        folder / "profiles" / "demo.yaml",
        {
            "captioner.fine_tuning.batch_size": 4,
            "captioner.inference_batch_size": 2,
            "generator.fine_tuning.steps": launched_stages.STOPPED_AT + 2,
            "generator.fine_tuning.batch_size": 3,
            "generator.fine_tuning.warmup_steps": 1,
            "generator.checkpoint_steps": launched_stages.STOPPED_AT,
            "generator.synthesis_batch_size": 1,
        },
    )
    # Four samples are to be given a synthetic image each. Training shows photographs.
    proposals = [
        Proposal("replace_image", sample, replace(sample, file=None, replicate=number), {})
        for sample in SAMPLES
        for number in [int(sample.sample_id[-1])]
        if sample.image_id in "ab"
    ]
    write_proposals(folder / paths.proposals(0), proposals)
    write_json_lines(folder / paths.samples(0), SAMPLES)
    write_uses(folder / paths.uses(0), {})
    write_json_lines(folder / paths.scores(1), [])
    write_json_lines(folder / paths.sbert_captions("train"), [])
    shutil.copytree(MODELS / "captioner", folder / paths.captioner(0))
    for target in (paths.BASE_GENERATOR, paths.GENERATOR):
        shutil.copytree(generator, folder / target)
    digest = json.dumps({"sha256": weights_digest(folder / paths.GENERATOR)})
    (folder / paths.GENERATOR / "digest.json").write_text(digest)
    shutil.copytree(corpus.folder, folder / paths.GENERATOR_CORPUS)
    (folder / paths.FAMILIES).mkdir()
    (folder / paths.FINE_TUNED).write_text("true")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=folder, check=True)


@pytest.fixture(scope="module")
def alone(
    tiny_generator: Path, tiny_corpus: TinyCorpus, tmp_path_factory: pytest.TempPathFactory
) -> Outputs:
    """The stages in one process: this one."""
    folder = tmp_path_factory.mktemp("alone")
    prepare(folder, tiny_generator, tiny_corpus)
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        launched_stages.main()
    return Outputs(folder, printed.getvalue())


@pytest.fixture(scope="module")
def together(
    tiny_generator: Path, tiny_corpus: TinyCorpus, tmp_path_factory: pytest.TempPathFactory
) -> Outputs:
    """The stages in two processes that accelerate launched."""
    folder = tmp_path_factory.mktemp("together")
    prepare(folder, tiny_generator, tiny_corpus)
    # By its --cpu accelerate starts several processes with MPI alone, by --multi_gpu with torch.
    launch = (
        "-m accelerate.commands.accelerate_cli launch --multi_gpu --num_processes 2 "
        "--num_machines 1 --mixed_precision no --dynamo_backend no --main_process_port 0 "
        "-m tests.compute.launched_stages"
    )
    done = subprocess.run(
        [sys.executable, *launch.split()],
        cwd=folder,
        env=environment() | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Outputs(folder, done.stdout)


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "src")])}


def moments_of_gradients(tensors: dict[str, torch.Tensor]) -> torch.Tensor:
    """AdamW's running means of gradients, in one vector."""
    means = [value.flatten() for name, value in tensors.items() if name.endswith("exp_avg")]
    return torch.cat(means)


def relative_difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


# ------------------------------------------------------------------- two processes and one


def test_training_sums_the_gradients_of_all_processes(alone: Outputs, together: Outputs) -> None:
    expected, found = (
        moments_of_gradients(run.tensors(paths.optimizer(1))) for run in (alone, together)
    )
    assert expected.norm() > 0
    assert relative_difference(found, expected) < 1e-4  # about 1e-6 of rounding
    mean_losses = [
        re.findall(r"mean training loss (\S+)", run.printed) for run in (alone, together)
    ]
    assert mean_losses[0] == mean_losses[1] and len(mean_losses[0]) == 1


def test_two_processes_give_the_losses_of_one(alone: Outputs, together: Outputs) -> None:
    assert [sample.sample_id for sample in together.losses()] == [
        sample.sample_id for sample in SAMPLES
    ]
    for expected, found in zip(alone.losses(), together.losses(), strict=True):
        assert (found.sample_id, found.tokens) == (expected.sample_id, expected.tokens)
        assert found.loss_mean == pytest.approx(expected.loss_mean, rel=1e-3)


def test_two_processes_give_the_edits_of_one(alone: Outputs, together: Outputs) -> None:
    logs = []
    for run in (alone, together):
        with contextlib.chdir(run.folder):
            curate.main(1)
        proposals = read_proposals(run.folder / paths.proposals(1))
        logs.append([replace(proposal, evidence={}) for proposal in proposals])
    assert logs[0] == logs[1]
    assert len(logs[0]) == 3  # 40 % of nine


def test_two_processes_give_the_captions_of_one(alone: Outputs, together: Outputs) -> None:
    captions = [
        json.loads((run.folder / paths.validation(1)).read_text()) for run in (alone, together)
    ]
    assert captions[0] == captions[1]
    assert [record["image_id"] for record in captions[1]] == ["v", "w"]


def test_two_processes_generate_each_image_once(alone: Outputs, together: Outputs) -> None:
    indexes = [
        list(read_synthetic_index(run.folder / paths.synthetic(0) / INDEX))
        for run in (alone, together)
    ]
    assert indexes[0] == indexes[1]
    for drawn in indexes[0]:
        images = [run.folder / paths.synthetic(0) / f"{drawn.key}.jpg" for run in (alone, together)]
        assert images[0].read_bytes() == images[1].read_bytes()
    shares = re.findall(r"process (\d) of 2, 4 images: (\d) generated", together.printed)
    assert sorted(process for process, _ in shares) == ["1", "2"]
    assert sum(int(number) for _, number in shares) == 4


def test_generator_goes_on_from_a_checkpoint_on_two_processes(
    alone: Outputs, together: Outputs, tiny_generator: Path
) -> None:
    for run in (alone, together):
        assert run.printed.count("resumed after step 2 of 4") == 1
        assert not list((run.folder / ".dvc/cache/caption_curation/checkpoints").iterdir())
    base = load_file(tiny_generator / UNET)
    expected, found = (run.tensors(paths.GENERATOR / UNET) for run in (alone, together))
    changes = [
        torch.cat([(tensors[name] - base[name]).flatten() for name in base])
        for tensors in (expected, found)
    ]
    # Where a gradient is nothing but rounding, Adam still takes a step of the usual length.
    assert relative_difference(changes[1], changes[0]) < 0.05


# --------------------------------------------------------------------------- in little memory


def train_once(
    folder: Path, files: dict[str, Path], *, fits: Any = None
) -> tuple[float, torch.Tensor]:
    """Mean loss and moments of one epoch; ``fits`` says whether a micro-batch fits into memory."""
    captioner = load_captioner(folder, 32, torch.device("cpu"))

    def allocate(module: Any, inputs: Any) -> None:
        if fits and not fits(captioner.model, len(inputs[0])):
            raise torch.OutOfMemoryError("CUDA out of memory")

    captioner.model.vision_model.register_forward_pre_hook(allocate)
    optimizer = new_optimizer(captioner, 0.05)
    loss = train_epoch(
        captioner,
        optimizer,
        SAMPLES,
        files,
        epoch=1,
        seed=0,
        training=Training(epochs=1, schedule_epochs=5, label_smoothing=0.1, prompt="a picture of "),
        fine_tuning=FineTuning(
            last_batch="train",
            batch_size=8,
            learning_rate=0.0005,
            weight_decay=0.05,
            max_tokens=40,
            augmentation=Augmentation(smallest_crop=0.5, horizontal_flip=True, rand_augment=None),
        ),
    )
    means = [state["exp_avg"].flatten() for state in optimizer.state.values()]
    return loss, torch.cat(means)


@pytest.fixture(scope="module")
def files(alone: Outputs) -> dict[str, Path]:
    return shown_files(samples_of(IMAGES, alone.folder / paths.PHOTOGRAPHS))


def checkpoints(model: Any, rows: int) -> bool:
    """Room for one row, and that only with gradient checkpointing."""
    return bool(model.is_activation_checkpointing) and rows == 1


@pytest.mark.parametrize(
    "fits", [lambda model, rows: rows <= 3, checkpoints], ids=["three rows", "checkpoints"]
)
def test_little_memory_gives_the_same_gradients(files: dict[str, Path], fits: Any) -> None:
    loss, means = train_once(MODELS / "captioner", files)
    frugal_loss, frugal_means = train_once(MODELS / "captioner", files, fits=fits)
    assert frugal_loss == pytest.approx(loss, rel=1e-5)
    assert relative_difference(frugal_means, means) < 1e-3


def test_too_little_memory_is_an_error(files: dict[str, Path]) -> None:
    with pytest.raises(torch.OutOfMemoryError):
        train_once(MODELS / "captioner", files, fits=lambda model, rows: False)


def test_dropout_of_some_rows_is_that_of_the_whole_batch() -> None:
    batch = torch.rand(6, 5, 7)
    layer = BatchDropout(0.3)
    torch.manual_seed(1)
    expected = dropout(batch, 0.3)
    torch.manual_seed(1)
    assert torch.equal(layer(batch), expected)
    torch.manual_seed(1)
    layer.batch_slice = BatchSlice(2, 5, batch_size=6)
    assert torch.equal(layer(batch[2:5]), expected[2:5])
    assert torch.equal(layer.eval()(batch), batch)


# ------------------------------------------------------------------------------- precision


def test_accelerates_precision_is_used(
    alone: Outputs, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner = load_captioner(alone.folder / paths.captioner(1), 32, torch.device("cpu"))

    def losses(precision: str) -> list[float]:
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", precision)
        scored = sample_losses(
            captioner,
            SAMPLES,
            files,
            prompt="a picture of ",
            max_tokens=40,
            label_smoothing=0.1,
            batch_size=2,
        )
        return [loss.loss_sum for loss in scored]

    full, half = losses("no"), losses("bf16")
    assert half == pytest.approx(full, rel=0.05)
    assert half != full
    # bfloat16 has 8 bits; a sum of cross-entropies that were computed in it would have them too.
    assert any(torch.tensor(loss).bfloat16().item() != loss for loss in half)

    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    with pytest.raises(InputError, match=r"'fp16'.*allowed: no, bf16"):
        prepare_device()


# -------------------------------------------------------------------------------- launching


def test_a_stage_becomes_its_launcher(tmp_path: Path) -> None:
    def start(module: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, "1"],
            cwd=tmp_path,
            env=environment() | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    launcher = "sh -c 'echo \"$@\"; env' sh --num_processes 4"
    launched = start("stages.train_captioner", CAPTION_CURATION_LAUNCH=launcher).stdout
    assert launched.startswith("--num_processes 4 -m stages.train_captioner 1\n")
    assert "CAPTION_CURATION_LAUNCH" not in launched  # or the launched processes would launch again

    absent = start("stages.score", CAPTION_CURATION_LAUNCH="acelerate launch")
    assert absent.returncode == 1
    assert "CAPTION_CURATION_LAUNCH = 'acelerate launch': cannot run 'acelerate'" in absent.stderr

    alone = start("stages.curate", WORLD_SIZE="2", RANK="1")
    assert alone.stderr.startswith("error: 2 processes were launched for a stage that runs in one")
