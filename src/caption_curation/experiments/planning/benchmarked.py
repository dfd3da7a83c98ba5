"""Speeds that ``python -m benchmarks gpu`` measured of the very model that is planned for.

A speed counts for the model, the size of images and the settings that it was measured with, and
for none else: another architecture's would be a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from caption_curation.config.params import Params
from caption_curation.config.profile import BlipCheckpoint, HubModel
from caption_curation.experiments.planning.work import GENERATING, SCORING, TRAINING
from caption_curation.support.reading import read_json

RESULTS = Path("benchmarks/results.json")
BENCHMARK = "gpu"


@dataclass(frozen=True)
class Benchmarked:
    """What was measured before, on another day and maybe another machine.

    Attributes:
        per_second: amounts by the names of work.
        notes: where and when.
    """

    per_second: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def benchmarked(params: Params, file: Path = RESULTS) -> Benchmarked:
    """The speeds that fit an experiment.

    Args:
        params: of the experiment.
        file: that ``python -m benchmarks`` writes; it need not exist.
    """
    record = read_json(file).get(BENCHMARK, {}) if file.is_file() else {}
    rows = record.get("outcome", {}).get("rows", [])
    wanted = _wanted(params)
    found = {
        work: median(row["values"])
        for work, settings in wanted.items()
        for row in rows
        if _fits(row.get("of", {}), work, settings)
    }
    if not found:
        return Benchmarked()
    note = (
        f"As measured with random weights on {record['date']} ({record['machine']}): "
        f"{', '.join(found)}."
    )
    return Benchmarked(found, (note,))


def _wanted(params: Params) -> dict[str, dict[str, Any]]:
    """What a speed must have been measured with, by the names of work."""
    generator, captioner = params.profile.generator, params.profile.captioner
    synthesis = params.experiment.synthesis
    drawing = {
        "model": _name(generator.base),
        "image_size": generator.image_size,
        "steps": synthesis.steps,
        "guidance": synthesis.guidance > 1,
    }
    reading = {
        "model": _name(captioner.base),
        "image_size": captioner.image_size,
        "adapter": captioner.fine_tuning.adapter is not None,
    }
    return {GENERATING: drawing, TRAINING: reading, SCORING: reading}


def _name(base: object) -> str | None:
    if isinstance(base, HubModel):
        return base.id
    return base.file if isinstance(base, BlipCheckpoint) else None


def _fits(measured: Mapping[str, Any], work: str, wanted: Mapping[str, Any]) -> bool:
    if measured.get("work") != work or wanted["model"] not in measured.get("models", ()):
        return False
    return all(measured.get(name) == value for name, value in wanted.items() if name != "model")
