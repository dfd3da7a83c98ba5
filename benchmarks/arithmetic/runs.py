"""The runs: the demo with other seeds, other generators, and weights that differ by rounding."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from benchmarks.results import machine
from benchmarks.sweep import demo_clone
from caption_curation.curation.actions import NO_CURATION, generates_images
from caption_curation.rng import seed_for
from tests.pipeline.clone import Clone

ROWS = Path(__file__).resolve().parent / "rows.json"
RELATIVE_NOISE = 1e-7  # a weight is multiplied by 1 + this times a standard normal number
TARGET = "evaluate"

Factor = Literal["captioner", "generator"]


@dataclass(frozen=True, slots=True)
class Case:
    """What one run is of.

    ``captioner`` and ``generator`` are numbers of perturbations of the initial weights; 0: none.
    """

    method: str
    seed: int = 0
    generator_seed: int = 0
    captioner: int = 0
    generator: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A run that was made: its test scores on the scale of the formulas, and in which class."""

    case: Case
    scores: dict[str, float]
    numerical_class: str
    machine: str
    seconds: float


def cases(methods: Sequence[str], seeds: int, generators: int, perturbations: int) -> list[Case]:
    """What is to be run, in an order in which little is computed twice.

    Every method with every seed, and with every generator where it shows images of one; then the
    first seed and generator with each perturbation of what the method's results depend on.

    Args:
        methods: names; no curation is added, as differences are taken to it.
        seeds, generators, perturbations: how many of each.
    """
    found = []
    for method in dict.fromkeys([NO_CURATION, *methods]):
        drawn = generates_images(method)
        found += [
            Case(method, seed, generator)
            for generator in range(generators if drawn else 1)
            for seed in range(seeds)
        ]
        numbers = range(1, perturbations + 1)
        found += [Case(method, captioner=number) for number in numbers]
        found += [Case(method, generator=number) for number in numbers if drawn]
    return found


def run_missing(
    wanted: Sequence[Case],
    rows: Path = ROWS,
    make_clone: Callable[[Path], Clone] = demo_clone,
) -> list[Row]:
    """Run what no row is there of, and keep each row when it is done.

    Args:
        wanted: in order.
        rows: the file of rows.
        make_clone: of this repository, in the folder that it is given.

    Returns:
        The rows of ``wanted``, in order.
    """
    missing = [case for case in wanted if case not in {row.case for row in read_rows(rows)}]
    if missing:
        with tempfile.TemporaryDirectory() as name:
            clone = make_clone(Path(name) / "clone")
            # tqdm's line shows the rate and what is left.
            for case in tqdm(missing, "arithmetic", unit="run", disable=None):
                row = run(clone, case)
                write_rows([*read_rows(rows), row], rows)
    by_case = {row.case: row for row in read_rows(rows)}
    return [by_case[case] for case in wanted]


def run(clone: Clone, case: Case) -> Row:
    """One run, in a clone that keeps what earlier ones computed."""
    began = time.perf_counter()
    clone.reset()
    folders: dict[Factor, int] = {"captioner": case.captioner, "generator": case.generator}
    clone.set(
        **{
            "curation.method": case.method,
            "seed": case.seed,
            "generator_seed": case.generator_seed,
            **{
                f"inputs.{factor}": perturbed(clone.folder, factor, number)
                for factor, number in folders.items()
                if number
            },
        }
    )
    clone.dvc("repro", TARGET)
    metrics = json.loads((clone.folder / "reports/evaluation/metrics.json").read_text())
    captions = json.loads((clone.folder / "reports/test_captions.class.json").read_text())
    scores = {name: value for name, value in metrics["test"].items() if value is not None}
    seconds = time.perf_counter() - began
    return Row(case, scores, " and ".join(captions["classes"]), machine(), seconds)


def perturbed(folder: Path, factor: Factor, number: int) -> str:
    """A copy of the demo's model, in single precision, with other last digits; its path.

    The demo's generator is kept in half precision, in which nothing so small can be told.
    """
    path = f"data/perturbed/{factor}-{number}"
    if not (folder / path).exists():
        shutil.copytree(folder / "data" / "demo_models" / factor, folder / path)
        for file in sorted((folder / path).rglob("*.safetensors")):
            _perturb(file, seed_for("perturbation", factor, number, file.name, file.parent.name))
    return path


def _perturb(file: Path, seed: int) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    rng = torch.Generator().manual_seed(seed)
    weights = {}
    for name, weight in sorted(load_file(file).items()):
        noise = torch.randn(weight.shape, generator=rng, dtype=torch.float64)
        changed = (weight.double() * (1 + RELATIVE_NOISE * noise)).float()
        weights[name] = changed if weight.is_floating_point() else weight
    save_file(weights, file, metadata={"format": "pt"})


def read_rows(path: Path) -> list[Row]:
    """The rows that were kept; none where there is no file."""
    if not path.exists():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    return [Row(**{**row, "case": Case(**row["case"])}) for row in found]


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write all rows."""
    partial = path.with_name(f"{path.name}.partial")
    text = json.dumps([asdict(row) for row in rows], indent=1, allow_nan=False)
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)
