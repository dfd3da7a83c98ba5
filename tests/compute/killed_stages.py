"""Stages as DVC starts them, on a project that is large enough to be killed in."""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from PIL import Image

from caption_curation import paths
from caption_curation.corpora.corpus import image_files, write_split
from caption_curation.image_index import write_index
from caption_curation.metrics.status import write_reason
from caption_curation.samples import CaptionedImage, samples_of, write_json_lines
from tests.conftest import REPOSITORY
from tests.metrics.tiny_clip import write_tiny_clip
from tests.pipeline.clone import change
from tests.small_run import set_parameters

CAPTIONER = REPOSITORY / "data" / "demo_models" / "captioner"
CHECKPOINTS = Path(".dvc/cache/caption_curation/checkpoints")
COLOURS = ("red", "green", "blue", "yellow", "white", "black")
PATIENCE = 300  # seconds until a process that should have moved is thought to hang
EVERY = 4  # batches between two checkpoints
TOGETHER = (
    "-m accelerate.commands.accelerate_cli launch --multi_gpu --num_processes 2 --num_machines 1 "
    "--mixed_precision no --dynamo_backend no --main_process_port 0"
)


def prepare(folder: Path, *, train: int, validation: int = 2, test: int = 2) -> Path:
    """A project in a DVC repository, with what the stages of epoch 1 read.

    Args:
        folder: to be made.
        train: number of images, of two captions each; training has batches of four samples, scoring
            and captioning of one image.
        validation: number of images.
        test: number of images.
    """
    folder.mkdir(parents=True)
    set_parameters(folder, {"evaluation.beams": 1, "evaluation.max_length": 12})
    change(
        folder / "profiles" / "demo.yaml",
        {
            "captioner.fine_tuning.batch_size": 4,
            "captioner.inference_batch_size": 1,
            "captioner.checkpoint_steps": EVERY,
        },
    )
    pictures = folder / paths.CORPUS / "images"
    pictures.mkdir(parents=True)
    for colour in COLOURS:
        Image.new("RGB", (32, 32), colour).save(pictures / f"{colour}.png")
    for split, count in {"train": train, "val": validation, "test": test}.items():
        images = [
            CaptionedImage(
                f"{split}{number}",
                f"{split}{number}.png",
                (f"a {COLOURS[number % len(COLOURS)]} picture", f"it is number {number}"),
            )
            for number in range(count)
        ]
        for number, image in enumerate(images):
            os.link(pictures / f"{COLOURS[number % len(COLOURS)]}.png", pictures / image.file_name)
        # No stage here looks at the images' digests.
        files = image_files({image.file_name: image.file_name for image in images}, paths.CORPUS)
        write_split(split, images, files, folder / paths.CORPUS)
        if split == "train":
            write_json_lines(folder / paths.samples(0), samples_of(images))
            write_index(folder / paths.shown(0), files.values())
    for epoch in (0, 1):
        (folder / paths.captioner(epoch)).parent.mkdir(parents=True, exist_ok=True)
    (folder / paths.captioner(0)).symlink_to(CAPTIONER)
    (folder / paths.CLIP).mkdir(parents=True)
    write_tiny_clip(folder / paths.CLIP)
    write_reason(folder / paths.CLIP, None)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=folder, check=True)
    return folder


@contextlib.contextmanager
def started(
    folder: Path, stage: str, *, launcher: str = "", modules: Path = REPOSITORY
) -> Iterator["subprocess.Popen[str]"]:
    """A stage that runs, by itself or by a launcher; its output goes to the file ``log``.

    Python finds modules in the folder ``modules`` first.
    """
    variables = {
        "PYTHONPATH": os.pathsep.join(map(str, [modules, REPOSITORY, REPOSITORY / "src"])),
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true",
    }
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, *launcher.split(), *f"-m stages.{stage}".split()],
            cwd=folder,
            env=os.environ | variables,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                kill(process)


def run_here(folder: Path, main: Callable[..., None], *arguments: object) -> str:
    """Run a stage to its end in this process, as importing its libraries takes the longest."""
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        main(*arguments)
    return printed.getvalue()


def run(folder: Path, stage: str, *, processes: int = 1) -> str:
    """Run a stage to its end; what it printed."""
    with started(folder, stage, launcher=TOGETHER if processes > 1 else "") as process:
        process.wait(PATIENCE)
    assert process.returncode == 0, log(folder)
    return log(folder)


def run_until(
    folder: Path, stage: str, condition: Callable[[], bool], *, processes: int = 1
) -> str:
    """Kill a stage, with all its processes, once something is the case; what it had printed."""
    with started(folder, stage, launcher=TOGETHER if processes > 1 else "") as process:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert process.poll() is None, f"it ended before it was killed:\n{log(folder)}"
            assert time.monotonic() < deadline, "nothing happens"
            time.sleep(0.0005)
        kill(process)
    return log(folder)


def run_until_writing(folder: Path, stage: str, step: int) -> str:
    """Kill a stage while it writes a checkpoint at or after a step; what it had printed."""
    launcher = f"-m tests.compute.killed_in_writing {step}"
    with started(folder, stage, launcher=launcher) as process:
        process.wait(PATIENCE)
    assert process.returncode == -signal.SIGKILL, log(folder)
    return log(folder)


def kill(process: "subprocess.Popen[str]") -> None:
    """As the kernel does it: no process of the stage can do anything about it."""
    launched = psutil.Process(process.pid)
    # Each of them has a session of its own where a launcher has started several.
    everyone = [launched, *launched.children(recursive=True)]
    for one in everyone:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait(PATIENCE)
    psutil.wait_procs(everyone, PATIENCE)


def log(folder: Path) -> str:
    """What the last run of a stage printed so far."""
    return (folder / "log").read_text(encoding="utf-8")


def saved(folder: Path, pattern: str) -> list[Path]:
    """Files of unfinished work."""
    return sorted((folder / CHECKPOINTS).glob(pattern))


def last_checkpoint(printed: str) -> int:
    """The batch of the last checkpoint that a stage has told of; 0: of none."""
    return max(map(int, re.findall(r"epoch 1: batch (\d+) of", printed)), default=0)


def resumed_at(printed: str) -> int:
    """The batch at which a stage went on; 0: it began anew."""
    return max(map(int, re.findall(r"resuming at batch (\d+) of", printed)), default=0)
