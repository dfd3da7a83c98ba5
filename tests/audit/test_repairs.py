"""The report's verdicts on edits with known outcomes, from real stages on a rendered corpus."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import pytest
from PIL import Image

from caption_curation import paths
from caption_curation.demo_world.rendering import render
from caption_curation.demo_world.scenes import Scene, Thing
from caption_curation.demo_world.style import DEFAULT
from caption_curation.edits import apply_edits, read_edits
from caption_curation.samples import CaptionedImage, read_json_lines, samples_of, write_json_lines
from stages import report, verdicts
from tests.reports.test_report import Page, rows_of, write_evaluation
from tests.small_run import write_small_run

CIRCLE = Scene("white", "small", "one", (Thing("circle", "red"),))
BAR = Scene("white", "small", "one", (Thing("bar", "blue"),))
RINGS = Scene("black", "small", "three", (Thing("ring", "pink"),))
CROSSES = Scene("grey", "small", "two", (Thing("cross", "green"),))
RING = Scene("brown", "small", "one", (Thing("ring", "red"),))

# The small run's noise: the caption b#1 is wrong, and c is the image of another scene.
TRAIN = [
    CaptionedImage("a", "a.jpg", ("a red circle on white", "a red circle and nothing else")),
    CaptionedImage("b", "b.jpg", ("a blue bar on white", "three pink rings and nothing else")),
    CaptionedImage("c", "c.jpg", ("two green crosses on grey", "somebody drew two green crosses")),
    CaptionedImage("d", "d.jpg", ("a red ring on brown", "a red ring and nothing else")),
]
SHOWN = {"a": CIRCLE, "b": BAR, "c": RING, "d": RING}

Report = Callable[..., Page]


@pytest.fixture
def report_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """The report of a run of three epochs; ``scenes``: of its synthetic images, by sample id."""

    def make(method: str, scenes: Mapping[str, Scene] | None = None) -> Page:
        write_small_run(tmp_path, method=method, train=TRAIN)
        monkeypatch.chdir(tmp_path)
        shown = [{"image_id": name, "shown": asdict(scene)} for name, scene in SHOWN.items()]
        write_json_lines(paths.GROUND_TRUTH / "scenes.jsonl", shown)
        edits = read_edits(*(paths.history(3) / name for name in paths.edit_logs(3)))
        write_json_lines(paths.samples(2), apply_edits(samples_of(TRAIN), edits))
        gallery = read_json_lines(paths.history(3) / "gallery.jsonl")
        for record in gallery:
            scene = (scenes or {}).get(record["sample_id"])
            image = render(scene, DEFAULT, 32) if scene else Image.new("RGB", (32, 32), "grey")
            drawn = paths.synthetic(record["epoch"])
            drawn.mkdir(parents=True, exist_ok=True)
            for folder in (paths.history(3) / "images", drawn):
                image.save(folder / f"{record['key']}.jpg", quality=95, subsampling=0)
        write_evaluation(3)
        verdicts.main(3)
        report.main()
        return Page(paths.REPORT.read_text(encoding="utf-8"))

    return make


def verdicts_of(page: Page) -> list[tuple[str, str]]:
    """(planted noise, verdict) of each edit shown."""
    cards = [card for card in page.texts("article") if card.startswith("After epoch")]
    planted = [re.search(r"Planted: (.*?) (?:Original|Removed|Before)", card) for card in cards]
    said = [
        " ".join("".join(text).split())
        for tag, found, text in page.elements
        if tag == "p" and str(found.get("class")).startswith("verdict")
    ]
    return list(zip([match[1] for match in planted if match], said, strict=True))


def repaired(page: Page) -> list[str]:
    """The rows of the table of repairs, its head first."""
    rows = rows_of(page, "curation")
    [start] = [index for index, row in enumerate(rows) if row.startswith("Planted noise Samples")]
    return rows[start:]


def test_new_images_are_looked_at(report_of: Report) -> None:
    """b#1 gets an image that its wrong caption is true of; d#1, which was right, none of a ring."""
    page = report_of("replace_image", {"b#1": RINGS, "c#1": CROSSES, "d#1": CIRCLE})
    assert verdicts_of(page)[:2] == [
        ("wrong caption", "✓ Repaired"),
        ("mismatched image", "✓ Repaired"),
    ]
    planted, said = verdicts_of(page)[2]
    assert planted == "mismatched image"
    assert said.startswith("✗ Not repaired: wrong in the image: count")
    assert verdicts_of(page)[3] == ("nothing", "✗ Broken by the edit: wrong in the image: shapes")
    assert repaired(page) == [
        "Planted noise Samples Chosen Right Wrong",
        "Mismatched image 2 2 1 1",
        "Wrong caption 1 1 1 0",
        "Nothing 5 1 0 1",
        "All samples 8 4 2 2",
    ]
    text = " ".join(page.texts("p"))
    assert "Before curation, 5 of 8 samples were right (62 %)" in text
    assert "6 of 8 are (75 %)" in text


def test_a_new_caption_repairs_a_wrong_one_but_no_mismatched_image(report_of: Report) -> None:
    page = report_of("replace_caption")
    false = "✗ Not repaired: the caption is not true of the image"
    assert verdicts_of(page) == [
        ("wrong caption", "✓ Repaired"),
        ("mismatched image", false),
        ("mismatched image", false),
    ]
    # d#1 was chosen too, but kept.
    assert repaired(page) == [
        "Planted noise Samples Chosen Right Wrong",
        "Mismatched image 2 2 0 2",
        "Wrong caption 1 1 1 0",
        "Nothing 5 1 1 0",
        "All samples 8 4 2 2",
    ]


def test_a_removed_sample_is_said_to_have_been_right_or_wrong(report_of: Report) -> None:
    page = report_of("remove")
    was_wrong = "✓ Removed, and it was wrong"
    assert verdicts_of(page) == [
        ("wrong caption", was_wrong),
        ("mismatched image", was_wrong),
        ("mismatched image", was_wrong),
        ("nothing", "✗ Removed, though it was right"),
    ]
    assert repaired(page)[0] == "Planted noise Samples Chosen Removed"
    assert repaired(page)[-2:] == ["Nothing 5 1 1", "All samples 8 4 4"]
    assert "5 of 8 samples were right" in " ".join(page.texts("p"))
    assert "4 of 4 are (100 %)" in " ".join(page.texts("p"))


def test_a_real_corpus_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_small_run(tmp_path, noise=False, train=TRAIN)
    monkeypatch.chdir(tmp_path)
    write_json_lines(paths.GROUND_TRUTH / "scenes.jsonl", [])
    write_evaluation(3)
    verdicts.main(3)
    report.main()
    html = paths.REPORT.read_text(encoding="utf-8")
    assert read_json_lines(paths.verdicts(3)) == []
    assert "Planted" not in html and "epaired" not in html
