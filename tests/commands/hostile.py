"""Commands with good files of users, each of which can be spoilt."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from caption_curation.human_study.annotations.categories import CATEGORY_VERSION
from stages import run
from stages.corpus import main as corpus_stage
from tests.commands.console import Ended, console
from tests.conftest import REPOSITORY

NAMES = ["a", "b", "c", "d"]


@dataclass(frozen=True)
class Command:
    """A command of the console or a stage, and the files of users that it reads.

    Attributes:
        run: runs it in a folder.
        files: the good content of its files, by name.
        rows: the path of keys to the list of rows in a file, of those that have one.
        refused: its exit status where a file is bad.
    """

    run: Callable[[Path], Ended]
    files: dict[str, Any]
    rows: dict[str, tuple[str, ...]]
    refused: int = 1


def write(folder: Path, name: str, content: Any) -> None:
    """JSON, or JSON Lines if the name ends so, or bytes as they are."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".jsonl") and isinstance(content, list):
        content = "".join(json.dumps(row) + "\n" for row in content).encode()
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def prepare(command: Command, folder: Path) -> None:
    """Write the good files, and pictures."""
    for name, content in command.files.items():
        write(folder, name, content)
    for images in (folder / "images", folder / "sets/set_1/images"):
        images.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            Image.new("RGB", (8, 8), "red").save(images / f"{name}.jpg")


def _build(folder: Path, *options: str | Path) -> Ended:
    return console(
        *("human-study", "build", "--losses", folder / "losses.json", "--out", folder / "study"),
        *("--images-per-group", "2", "--sets", "1", "--images", folder / "images", *options),
    )


def _stage(folder: Path) -> Ended:
    """The corpus stage in a folder with a corpus and the parameters for it."""
    experiment = yaml.safe_load((REPOSITORY / "params.yaml").read_text()) | {"profile": "mine"}
    inputs = {"annotations": str(folder / "dataset.json"), "images": str(folder / "images")}
    experiment["inputs"] |= inputs
    (folder / "params.yaml").write_text(yaml.safe_dump(experiment))
    profile = yaml.safe_load((REPOSITORY / "profiles/flickr8k.yaml").read_text())
    profile["data"]["annotations"] = "dataset.json"
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles/mine.yaml").write_text(yaml.safe_dump(profile))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["stages.corpus", "data"])
        try:
            run(corpus_stage)
        except SystemExit as end:  # with the message that Python prints
            return Ended(1 if isinstance(end.code, str) else int(end.code or 0), "", f"{end.code}")
    return Ended(0, "", "")


def _entries() -> list[dict[str, Any]]:
    return [
        {"image_id": name, "loss": number / 2, "clipscore": 0.5}
        for number, name in enumerate(NAMES)
    ]


def _samples() -> list[dict[str, Any]]:
    return [
        {
            "sample_id": f"{name}#{position}",
            "image_id": name,
            "file_name": f"{name}.jpg",
            "caption": caption,
        }
        for name in NAMES
        for position, caption in enumerate(("a dog", "two dogs"))
    ]


def _karpathy() -> dict[str, Any]:
    images = [
        {
            "imgid": number,
            "cocoid": 10 + number,
            "filename": f"{name}.jpg",
            "filepath": "",
            "split": split,
            "sentences": [{"raw": "a dog"}, {"raw": "two dogs"}],
        }
        for number, (name, split) in enumerate(
            zip(NAMES, ("train", "restval", "val", "test"), strict=True)
        )
    ]
    return {"images": images, "dataset": "toy"}


def _task(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "data": {"set": 1, "image_id": NAMES[number], "category_version": CATEGORY_VERSION},
        "annotations": [
            {
                "id": 7,
                "completed_by": {"id": 3},
                "updated_at": "2026-11-21T11:02:00Z",
                "lead_time": 20.5,
                "result": [
                    {"from_name": "general", "value": {"choices": ["general/colour"]}},
                    {"from_name": "comment", "value": {"text": ["odd"]}},
                ],
            }
        ],
    }


_CAPTIONS = [{"image_id": name, "caption": f"a dog {name}"} for name in NAMES]
_COCO = {
    "images": [{"id": name, "file_name": f"{name}.jpg"} for name in NAMES],
    "annotations": _CAPTIONS,
}
_PAGE = {
    "set": 1,
    "images": [
        {"image_id": name, "file": f"images/{name}.jpg", "references": ["a dog"]} for name in NAMES
    ],
}
_ANNOTATED = "sd_categorized_0_1681200000.json"

COMMANDS = {
    "corpus": Command(_stage, {"dataset.json": _karpathy()}, {"dataset.json": ("images",)}),
    # SPICE's files are missing: nothing is scored, however good the captions are.
    "metrics": Command(
        lambda folder: console(
            *("metrics", folder / "captions.json", folder / "references.json", "--spice", "on")
        ),
        {"captions.json": _CAPTIONS, "references.json": _COCO},
        {"captions.json": (), "references.json": ("annotations",)},
        refused=2,
    ),
    "build": Command(
        lambda folder: _build(
            folder, "--references", folder / "coco.json", "--clipscores", folder / "scores.json"
        ),
        {
            "losses.json": _entries(),
            "coco.json": _COCO,
            "scores.json": {name: {"CLIPScore": 0.5} for name in NAMES},
        },
        {"losses.json": (), "coco.json": ("images",)},
    ),
    "build of a split": Command(
        lambda folder: _build(folder, "--references", folder / "val.jsonl"),
        {
            "losses.json": _entries(),
            "val.jsonl": [{"image_id": name, "captions": ["a dog"]} for name in NAMES],
        },
        {"val.jsonl": ()},
    ),
    "build of lists": Command(
        lambda folder: _build(folder, "--references", folder / "blip.json"),
        {
            "losses.json": _entries(),
            "blip.json": [{"image": f"{name}.jpg", "caption": ["a dog"]} for name in NAMES],
        },
        {"blip.json": ()},
    ),
    "import": Command(
        lambda folder: console(
            *("human-study", "import", folder / _ANNOTATED, "--sets", folder / "sets"),
            *("--annotations", folder / "annotations"),
        ),
        {
            "sets/set_1/page.json": _PAGE,
            _ANNOTATED: {
                str(number): {"img": f"{name}.jpg", "categories": ["color"], "comments": None}
                for number, name in enumerate(NAMES)
            },
        },
        {"sets/set_1/page.json": ("images",)},
    ),
    "curate": Command(
        lambda folder: console(
            *("curate", "--samples", folder / "samples.jsonl", "--losses", folder / "losses.jsonl"),
            *("--edits", folder / "edits.jsonl", "--out", folder / "out.jsonl"),
            *("--apply", folder / "curated.jsonl", "--method", "replace_caption"),
            *("--rule", "top_fraction", "--ratio", "0.5"),
        ),
        {
            "samples.jsonl": _samples(),
            "losses.jsonl": [
                {"sample_id": row["sample_id"], "loss": number / 2}
                for number, row in enumerate(_samples())
            ],
            "edits.jsonl": [
                {
                    "epoch": 1,
                    "sample_id": row["sample_id"],
                    "action": "replace_caption",
                    "before": {"caption": "a dog", "replicate": None, "file": row["file_name"]},
                    "after": {"caption": "two dogs"},
                    "evidence": {"score": 2.5},
                    "reason": "",
                    "accepted": True,
                    "decided_by": "default",
                }
                for row in _samples()[::2]
            ],
        },
        {"samples.jsonl": (), "losses.jsonl": (), "edits.jsonl": ()},
    ),
    "label-studio": Command(
        lambda folder: console(
            *("label-studio", "import", folder / "export.json", "--sets", folder / "sets"),
            *("--annotations", folder / "annotations"),
        ),
        {"sets/set_1/page.json": _PAGE, "export.json": [_task(number) for number in range(4)]},
        {"export.json": ()},
    ),
}
