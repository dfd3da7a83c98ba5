"""The benchmark of scale: its corpus, its stand-ins for models, and what its table says."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import scale
from benchmarks.scale import DVC, SIZES, STAND_INS, Cost, Row, corpus, read_log
from benchmarks.scale.table import EVERYTHING, cost_of, exponent, figure, growth, markdown
from caption_curation.config.inputs import CorpusFiles
from caption_curation.corpora.karpathy import read_karpathy
from tests.conftest import REPOSITORY


def row(images: int, ratio: float = 0.4, power: float = 1.0) -> Row:
    """Costs that grow with a power of the number of images; curating costs more every epoch."""
    work = images**power
    return Row(
        images=images,
        ratio=ratio,
        costs={
            DVC: Cost(3 * work, images * 10),
            "corpus data": Cost(work, images * 20),
            "curate 0": Cost(9 * work, images * 5),
            "curate 1": Cost(2 * work, images * 30),
            "curate 2": Cost(5 * work, images * 40),
        },
        idle=Cost(work / 10, images),
        seconds=1.0,
        commit="c0de",
        date="2026-11-28",
        machine="2 cores",
        busy_cores=1.5,
    )


def test_costs_are_summed_and_peaks_are_not() -> None:
    one = row(1_000)
    assert cost_of(one, "curate") == Cost(16_000, 40_000)
    assert cost_of(one, DVC) == Cost(3_000, 10_000)
    # DVC's time is part of everything; the peak is that of a stage.
    assert cost_of(one, EVERYTHING) == Cost(20_000, 40_000)
    assert cost_of(one, "settle") is None
    assert growth(one, "curate") == 5 / 2  # epoch 0 is another kind of work
    assert growth(one, "corpus data") is None


def test_exponents_are_those_of_the_two_largest_sizes() -> None:
    rows = [row(10_000, power=1.3), row(1_000, power=9.0), row(100_000, power=1.3)]
    assert exponent(rows, DVC, lambda cost: cost.cpu) == pytest.approx(1.3)
    assert exponent(rows, DVC, lambda cost: cost.peak) == pytest.approx(1.0)
    assert exponent(rows[:1], DVC, lambda cost: cost.cpu) is None


def test_a_row_that_was_not_run_says_so() -> None:
    text = markdown([row(SIZES[0]), row(SIZES[1])])
    lines = [line for line in text.splitlines() if line.startswith("| DVC |")]
    (line,) = lines  # of ratio 0.8 there is nothing at all
    assert line == (
        "| DVC | 50 min, 0.00 GB | 500 min, 0.00 GB | not run | 1.00, 1.00 |  | 6 min, 2.5 GB |"
    )
    assert "| | not run | not run | not run | | | |" in text
    assert "| curate |" in text
    assert "| 2.50 |" in text
    assert text.endswith("- 2 cores, 1.5 cores busy with other work; 2026-11-28; c0de")


def test_the_figure_has_both_ratios() -> None:
    drawn = figure([row(size, ratio) for size in SIZES[:2] for ratio in scale.RATIOS])
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    assert drawn == figure([row(size, ratio) for size in SIZES[:2] for ratio in scale.RATIOS])
    assert {"DVC, ratio 0.4", "DVC, ratio 0.8"} <= set(ElementTree.fromstring(drawn).itertext())


def test_only_rows_that_are_missing_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale, "ROWS", tmp_path / "rows.json")
    ran: list[tuple[int, float]] = []

    def run(folder: Path, images: int, ratio: float) -> Row:
        if len(ran) == 3:
            raise KeyboardInterrupt
        ran.append((images, ratio))
        return row(images, ratio)

    monkeypatch.setattr(scale, "run", run)
    with pytest.raises(KeyboardInterrupt):
        scale.measure(SIZES[:2])
    assert scale.read_rows() == [row(*pair) for pair in ran]
    del ran[1:]
    scale.measure(SIZES[:2])
    assert ran[1:] == [(SIZES[1], 0.8)]
    assert len(scale.read_rows()) == 4


def test_the_log_knows_dvc_from_what_stages_ask_it() -> None:
    words = [
        ["-m", "dvc", "cache", "dir"],
        ["-m", "stages.caption", "validation", "3"],
        ["-m", "dvc", "repro"],
    ]
    lines = [json.dumps({"words": of, "cpu": 1.0, "children_cpu": 0.5, "peak": 7}) for of in words]
    assert read_log(lines) == {"caption validation 3": Cost(1.5, 7), DVC: Cost(1.0, 7)}


def test_every_photograph_differs_and_has_the_size_of_one(tmp_path: Path) -> None:
    corpus.write_corpus(tmp_path, 40)
    source = CorpusFiles(tmp_path / corpus.ANNOTATIONS, tmp_path)
    read = read_karpathy(source, "data", ["train", "val", "test"])
    assert {split: len(images) for split, images in read.splits.items()} == {
        "train": 40,
        "val": 2,
        "test": 2,
    }
    files = [path.read_bytes() for path in tmp_path.glob("*.jpg")]
    assert len(set(files)) == len(files) == 44
    assert 75_000 < sum(map(len, files)) / len(files) < 85_000
    assert all(len(image.captions) == 5 for image in read.splits["train"])


def test_every_stand_in_takes_what_the_function_takes_that_it_replaces(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    code = (
        "import importlib, inspect, sitecustomize as stand_ins\n"
        "for module, functions in stand_ins.STAND_INS.items():\n"
        "    for name, stand_in in functions.items():\n"
        "        original = getattr(importlib.import_module(module), name)\n"
        "        takes = inspect.signature(original).parameters.values()\n"
        "        by_place = [one for one in takes if one.kind is one.POSITIONAL_OR_KEYWORD]\n"
        "        by_name = {one.name: one for one in takes if one.kind is one.KEYWORD_ONLY}\n"
        "        inspect.signature(stand_in(original)).bind(*by_place, **by_name)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join(map(str, (STAND_INS, REPOSITORY / "src"))),
            "SCALE_LOG": str(log),
        },
        check=True,
    )
    (record,) = map(json.loads, log.read_text().splitlines())
    assert record["cpu"] > 0.1
    assert record["peak"] > 1e7
