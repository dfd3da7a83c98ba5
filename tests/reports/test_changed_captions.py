"""The same image captioned without and with curation, from experiments in a cache of DVC's form."""

import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from caption_curation.experiments.finished import FinishedExperiment
from caption_curation.experiments.runs import Run
from caption_curation.metrics.resampling import ImageStatistics
from caption_curation.reports.comparison.changed_captions import (
    MOST_SHOWN,
    changed_captions,
    largest_changes,
)
from caption_curation.reports.comparison.page import write_comparison
from caption_curation.reports.comparison.sections import default_sections
from caption_curation.reports.page.words import differing_words
from tests.experiments.records import experiment, run
from tests.reports.test_report import Page

# Image → caption and CIDEr, without and with curation.
CAPTIONS = {
    "1": (("a red ring", 1.0), ("a <b>red</b> ring on grey", 4.0)),
    "2": (("two bars", 3.0), ("two pink bars", 2.5)),
    "3": (("a cross", 2.0), ("a cross", 2.0)),
    "4": (("one disc", 5.0), ("", 0.0)),
}


def put(cache: Path, content: bytes) -> str:
    digest = hashlib.md5(content).hexdigest()
    file = cache / "files/md5" / digest[:2] / digest[2:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return digest


def put_folder(cache: Path, files: Mapping[str, bytes]) -> str:
    entries = [{"md5": put(cache, content), "relpath": name} for name, content in files.items()]
    listing = json.dumps(entries).encode()
    digest = hashlib.md5(listing).hexdigest() + ".dir"
    (cache / "files/md5" / digest[:2]).mkdir(parents=True, exist_ok=True)
    (cache / "files/md5" / digest[:2] / digest[2:]).write_bytes(listing)
    return digest


def finished(cache: Path, name: str, which: int) -> FinishedExperiment:
    picture = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(picture, "JPEG")
    records = [
        {"image_id": name, "file_name": f"{name}.jpg", "captions": [f"reference <{name}>"]}
        for name in CAPTIONS
    ]
    corpus = {
        "test.jsonl": "".join(json.dumps(record) + "\n" for record in records).encode(),
        **{f"images/{name}.jpg": picture.getvalue() + name.encode() for name in CAPTIONS},
    }
    captions = [{"image_id": int(name), "caption": of[which][0]} for name, of in CAPTIONS.items()]
    evaluation = {"captions/test.json": json.dumps(captions).encode()}
    return replace(
        experiment(name),
        outputs={
            "data/corpus": put_folder(cache, corpus),
            "reports/evaluation": put_folder(cache, evaluation),
        },
        cache=cache,
    )


def statistics(ciders: list[float]) -> ImageStatistics:
    """Those of CIDEr; BLEU and METEOR play no part here."""
    counts = {"bleu": np.ones((len(ciders), 10)), "meteor": np.ones((len(ciders), 23))}
    return ImageStatistics(tuple(CAPTIONS), {"cider": np.array([ciders]).T, **counts})


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    """Two seeds without curation and, of two, the second with."""
    return [
        run(
            seed,
            2.0,
            method=method,
            source=finished(tmp_path / "cache", method, which),
            images=statistics([of[which][1] for of in CAPTIONS.values()]),
        )
        for seed, method, which in ((0, "none", 0), (1, "none", 0), (1, "remove", 1))
    ]


def test_the_largest_changes_stand_first_in_both_directions() -> None:
    ciders = {"a": (1.0, 2.0), "b": (1.0, 4.0), "c": (2.0, 2.0), "d": (3.0, 2.0), "e": (9.0, 0.0)}
    captions = {name: name for name in ciders}
    gains, losses = largest_changes(captions, captions, ciders, 2)

    assert [(change.image_id, change.change) for change in gains] == [("b", 3.0), ("a", 1.0)]
    assert [(change.image_id, change.change) for change in losses] == [("e", -9.0), ("d", -1.0)]
    assert [len(of) for of in largest_changes(captions, captions, ciders, 1)] == [1, 1]


def test_words_that_only_one_caption_has_differ() -> None:
    one, other = differing_words("a dog on a bench", "a cat on a green bench")

    assert [word for word, differs in one if differs] == ["dog"]
    assert [word for word, differs in other if differs] == ["cat", "green"]
    assert " ".join(word for word, _ in other) == "a cat on a green bench"


def test_runs_of_the_lowest_common_seed_are_compared(runs: list[Run]) -> None:
    (shown,), notes = changed_captions(runs, [run.variant for run in runs[1:]])

    assert notes == []
    assert (shown["seed"], shown["images"], shown["better"], shown["worse"]) == (1, 4, 1, 2)
    ids = {name: [pair["change"].image_id for pair in of] for name, of in shown["groups"].items()}
    assert ids == {"gains": ["1"], "losses": ["4", "2"]}
    assert MOST_SHOWN == 6


def test_the_page_shows_them_escaped_with_their_images(runs: list[Run], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_comparison(
        folder,
        title="Comparison",
        sections=default_sections(runs),
        runs=runs,
        left_out=[],
        command="caption-curation compare",
    )
    page = Page(re.sub("<br>", "", (folder / "index.html").read_text(encoding="utf-8")))

    texts = page.texts("article")
    assert len(texts) == 3
    assert texts[0].startswith("Without curation, CIDEr 100.0 a red ring")
    assert "Remove, CIDEr 400.0 a <b>red</b> ring on grey" in texts[0]
    assert "reference <1>" in texts[0]
    assert "Remove, CIDEr 0.0 (no words)" in texts[1]
    assert page.texts("b") == ["red", "<b>red</b>", "on", "grey", "one", "disc", "pink"]
    sources = page.attributes("img", "src")
    assert len(sources) == 3 and all(src.startswith("data:image/jpeg;base64,") for src in sources)


def test_images_that_are_not_at_hand_are_named_in_a_note(runs: list[Run]) -> None:
    cache = runs[0].experiment.cache
    for listing in (cache / "files/md5").rglob("*"):
        if listing.is_file() and listing.read_bytes().startswith(b"\xff\xd8"):
            listing.unlink()
    shown, (note,) = changed_captions(runs, [run.variant for run in runs])

    assert shown == []
    assert re.search(r"data/corpus/images/1\.jpg is not in DVC's cache; `dvc exp pull", note)


def test_experiments_without_scores_of_images_are_named_in_a_note(runs: list[Run]) -> None:
    old = [replace(run, images=None) for run in runs]
    shown, notes = changed_captions(old, [run.variant for run in runs])

    assert shown == [] and len(notes) == 1 and "no scores of single images" in notes[0]
