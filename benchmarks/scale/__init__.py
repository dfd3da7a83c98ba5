"""What `dvc repro` of an experiment costs beside its models, by the number of training images."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from benchmarks.results import busy, machine
from benchmarks.scale.corpus import ANNOTATIONS, write_corpus
from tests.pipeline.clone import REPOSITORY, Clone, change

SIZES = (1_000, 10_000, 113_287)  # training images; the last is COCO's number
RATIOS = (0.4, 0.8)  # of curation
EPOCHS = 5
SYNTHETIC_SIDE = 64  # pixels; of 80 KB, COCO's images of five epochs would be 145 GB at ratio 0.8
ROWS = Path(__file__).resolve().parent / "rows.json"
STAND_INS = Path(__file__).resolve().parent / "stand_ins"
PROFILE = "scale"
DVC = "DVC"


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of a process and of those that it started, and its own peak memory in bytes."""

    cpu: float
    peak: int


@dataclass(frozen=True, slots=True)
class Row:
    """One run of the pipeline.

    Attributes:
        images: of the training split.
        ratio: of curation.
        costs: of DVC itself (``DVC``) and of every stage, by its command: ``curate 3``.
        idle: of DVC alone in a second ``dvc repro``, which finds nothing to do.
        seconds: that the run took.
        commit: of this repository, with ``-dirty`` where files differed from it.
        date: of the measurement, in ISO 8601.
        machine: where it ran.
        busy_cores: the number of cores that other processes used just before; they make CPU times
            longer, too.
    """

    images: int
    ratio: float
    costs: dict[str, Cost]
    idle: Cost
    seconds: float
    commit: str
    date: str
    machine: str
    busy_cores: float


def measure(sizes: Sequence[int]) -> list[Row]:
    """Run what is not yet measured of these numbers of images; each row is kept when it is done.

    A row is measured again after it is deleted from ``rows.json``. Corpora and clones lie in the
    folder of temporary files (``TMPDIR``): COCO's number of images takes some 40 GB there.
    """
    for images, ratio in tqdm(list(product(sizes, RATIOS)), "scale", disable=None):
        if any((row.images, row.ratio) == (images, ratio) for row in read_rows()):
            continue
        with tempfile.TemporaryDirectory() as folder:
            row = run(Path(folder), images, ratio)
            # Before the folder is removed, which takes minutes of COCO's number of images. Read
            # anew: another process may have added a row.
            write_rows([*read_rows(), row])
    return read_rows()


def run(folder: Path, images: int, ratio: float) -> Row:
    """`dvc repro` in a new clone in an empty folder, on a corpus of its own."""
    busy_cores = busy()
    corpus = folder / "corpus"
    corpus.mkdir()
    write_corpus(corpus, images)
    clone = scale_clone(folder, corpus, ratio)
    began = time.perf_counter()
    costs = recorded(clone)
    seconds = time.perf_counter() - began
    idle = recorded(clone)[DVC]
    return Row(
        images=images,
        ratio=ratio,
        costs=costs,
        idle=idle,
        seconds=seconds,
        commit=_commit(),
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        busy_cores=busy_cores,
    )


def scale_clone(folder: Path, corpus: Path, ratio: float) -> Clone:
    """A clone with a profile for the corpus, whose models are the demo's and do nothing."""
    clone = Clone(folder / "clone")
    shutil.copyfile(REPOSITORY / "params.yaml", clone.folder / "params.yaml")
    clone.set(**{"profile": PROFILE, "training.epochs": EPOCHS, "curation.ratio": ratio})
    profile = yaml.safe_load((REPOSITORY / "profiles" / "demo.yaml").read_text(encoding="utf-8"))
    file = clone.folder / "profiles" / f"{PROFILE}.yaml"
    lies = {"inputs.annotations": str(corpus / ANNOTATIONS), "inputs.images": str(corpus)}
    clone.set(**lies)
    data = {"annotations": ANNOTATIONS, "revision": 0}
    profile |= {
        "data": {"source": "karpathy", **data, "seed": 0, "train_fraction": 1.0, "on_leak": "warn"},
        "generator_data": {"source": "same"},
    }
    file.write_text(yaml.safe_dump(profile), encoding="utf-8")
    # Without a step the generator is copied.
    change(file, {"generator.fine_tuning.steps": 0, "generator.image_size": SYNTHETIC_SIDE})
    # DVC's memo of digests is new, too, and goes with the clone.
    settings = f"[core]\n    site_cache_dir = {folder / 'site'}\n"
    (clone.folder / ".dvc" / "config.local").write_text(settings, encoding="utf-8")
    clone.commit(PROFILE)
    return clone


def recorded(clone: Clone) -> dict[str, Cost]:
    """Run `dvc repro`; the cost of DVC and of every stage that ran."""
    log = clone.folder.parent / "scale.jsonl"
    log.unlink(missing_ok=True)
    others = clone.environment()["PYTHONPATH"]
    clone.dvc(
        "repro",
        environment={
            "PYTHONPATH": os.pathsep.join([str(STAND_INS), others]),
            "SCALE_LOG": str(log),
        },
    )
    return read_log(log.read_text(encoding="utf-8").splitlines())


def read_log(lines: Iterable[str]) -> dict[str, Cost]:
    """The costs that the recorder wrote, of DVC (``DVC``) and of the stages."""
    costs = {}
    for line in lines:
        record = json.loads(line)
        module, *arguments = record["words"][1:]
        if module == "dvc" and arguments[:1] == ["repro"]:
            # What DVC started are the stages.
            costs[DVC] = Cost(record["cpu"], record["peak"])
        elif module.startswith("stages."):
            name = " ".join([module.removeprefix("stages."), *arguments])
            costs[name] = Cost(record["cpu"] + record["children_cpu"], record["peak"])
    return costs


def read_rows() -> list[Row]:
    """What was measured before."""
    if not ROWS.exists():
        return []
    return [_parse(row) for row in json.loads(ROWS.read_text(encoding="utf-8"))]


def write_rows(rows: Iterable[Row]) -> None:
    """Keep all rows, ordered by size and ratio."""
    ordered = sorted(rows, key=lambda row: (row.images, row.ratio))
    partial = ROWS.with_name(f"{ROWS.name}.partial")
    text = json.dumps([asdict(row) for row in ordered], indent=1)
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(ROWS)


def _parse(row: Mapping[str, Any]) -> Row:
    costs = {name: Cost(**cost) for name, cost in row["costs"].items()}
    return Row(**{**row, "costs": costs, "idle": Cost(**row["idle"])})


def _commit() -> str:
    words = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.strip()
