"""Users' files are parsed by one reader, so that none of them ends in a traceback."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import REPOSITORY

READER = "src/caption_curation/support/reading.py"
# What else parses JSON or CSV: what a stage or a library of ours wrote, never a user.
PARSE_THEIR_OWN = {
    # What stages wrote, as DVC keeps it.
    "src/caption_curation/evaluation/history.py",
    "src/caption_curation/experiments/overview.py",
    "src/caption_curation/experiments/planning/image_count.py",
    "src/caption_curation/experiments/runs.py",
    "src/caption_curation/experiments/this_machine.py",
    "src/caption_curation/metrics/status.py",
    "src/caption_curation/numerical_classes.py",
    "src/caption_curation/support/parts.py",
    "src/caption_curation/text_to_image/image_store/image_files.py",
    "stages/corpus_report.py",
    "stages/evaluate.py",
    "stages/report.py",
    "stages/round_trip/report.py",
    "stages/synthesize.py",
    # The configuration of models that stages wrote or have loaded.
    "src/caption_curation/captioner/bases/published.py",
    "src/caption_curation/pretrained.py",
    "src/caption_curation/text_to_image/adapters.py",
    "src/caption_curation/text_to_image/bases/scratch.py",
    # What adopting results wrote down.
    "src/caption_curation/adoption/record.py",
    "src/caption_curation/text_to_image/image_store/adopted.py",
    # DVC's own files and answers, and SPICE's answer.
    "src/caption_curation/adoption/folders.py",
    "src/caption_curation/experiments/dvc_internals/queue.py",
    "src/caption_curation/experiments/dvc_internals/records.py",
    "src/caption_curation/experiments/finished.py",
    "src/caption_curation/metrics/spice/scoring.py",
    "src/caption_curation/support/dvc_cache.py",
    "src/caption_curation/text_to_image/image_store/dvc_images.py",
}
PARSERS = {
    *("json.load", "json.loads", "json.JSONDecoder"),
    *("csv.reader", "csv.DictReader"),
}
METHODS = {"model_validate_json", "validate_json", "read_csv"}  # of pydantic, and of pandas


def parsers_in(source: str) -> Iterator[str]:
    """What a module's code parses text with."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            name = f"{node.value.id}.{node.attr}" if isinstance(node.value, ast.Name) else ""
            if name in PARSERS or node.attr in METHODS:
                yield name or node.attr
        elif isinstance(node, ast.ImportFrom) and node.module in ("json", "csv"):
            yield from (
                name for alias in node.names if (name := f"{node.module}.{alias.name}") in PARSERS
            )
        elif isinstance(node, ast.Import):
            yield from (
                f"{alias.name} as {alias.asname}"
                for alias in node.names
                if alias.name in ("json", "csv") and alias.asname
            )


def modules() -> Iterator[Path]:
    for folder in ("src", "stages"):
        yield from (REPOSITORY / folder).rglob("*.py")


def test_nothing_else_parses_files() -> None:
    parsing = {
        path.relative_to(REPOSITORY).as_posix()
        for path in modules()
        if any(parsers_in(path.read_text(encoding="utf-8")))
    }
    assert parsing == PARSE_THEIR_OWN | {READER}


def test_the_walk_finds_every_spelling() -> None:
    for source in (
        "import json\njson.load(file)",
        "import json\nread = json.loads",
        "from json import loads as parse",
        "import json as j",
        "import csv\ncsv.DictReader(lines)",
        "Shape.model_validate_json(text)",
    ):
        assert list(parsers_in(source)), source
    assert not list(parsers_in("import json\njson.dumps(1)\nfrom json import dumps"))
