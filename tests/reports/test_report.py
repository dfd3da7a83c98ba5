"""The page of small runs whose numbers are known, read back with an HTML parser."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from caption_curation import paths
from caption_curation.coco_format import write_results
from caption_curation.curation.decisions import Decision
from caption_curation.curation.settling import settle
from caption_curation.edits import apply_edits, read_edits, write_edits
from caption_curation.evaluation.hard_samples import hard_sample_overlaps
from caption_curation.evaluation.numbers import (
    count_edits,
    curation_counts,
    epoch_rows,
    loss_histogram,
    summarize_losses,
    training_set_counts,
)
from caption_curation.numerical_classes import CLASSES, write_classes, write_epoch_classes
from caption_curation.samples import read_images, read_losses, samples_of
from stages import report
from tests.small_run import KEPT, NO_SPICE, TRAIN, write_small_run

SCORES = {
    "bleu_1": 0.6,
    "bleu_2": 0.5,
    "bleu_3": 0.4,
    "bleu_4": 0.3,
    "meteor": 0.25,
    "rouge_l": 0.55,
    "cider": 1.234,
    "clipscore": 0.762,
    "ref_clipscore": 0.8,
    "spice": None,
}
VOID = {"meta", "img"}


class Page(HTMLParser):
    """Elements as (tag, attributes, text); fails where tags are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.open: list[int] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self.open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self.open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for index in self.open:
            self.elements[index][2].append(data)

    def texts(self, tag: str, **attributes: str) -> list[str]:
        return [
            " ".join(" ".join(text).split())
            for name, found, text in self.elements
            if name == tag and attributes.items() <= found.items()
        ]

    def attributes(self, tag: str, name: str) -> list[str]:
        return [
            str(found[name]) for tag_, found, _ in self.elements if tag_ == tag and name in found
        ]


def write_evaluation(epochs: int) -> None:
    """What the evaluate stage writes, with scores that need no Java."""
    history = paths.history(epochs)
    losses = {
        epoch: summarize_losses(read_losses(history / f"losses-{epoch}.jsonl"), "loss_sum")
        for epoch in range(1, epochs + 1)
    }
    samples = samples_of(read_images(paths.CORPUS / "train.jsonl"))
    sizes, counts, sets = {0: len(samples)}, {}, {}
    for epoch, name in enumerate(paths.edit_logs(epochs)):
        edits = read_edits(history / name)
        counts[epoch], samples = count_edits(edits), apply_edits(samples, edits)
        sets[f"epoch_{epoch + 1}"] = training_set_counts(samples)
        sizes[epoch + 1] = len(samples)
    metrics = {
        "best_epoch": min(2, epochs),
        "val": SCORES,
        "test": {name: score and score / 2 for name, score in SCORES.items()},
        "not_computed": {"spice": NO_SPICE},
        "curation": curation_counts(counts, sizes),
        "training_sets": sets,
    }
    rows = epoch_rows(dict.fromkeys(losses, SCORES), losses)
    paths.EVALUATION.mkdir(parents=True)
    for name, content in {
        "metrics": metrics,
        "epochs": rows,
        "losses": loss_histogram(losses, "loss_mean"),
        "hard_samples": hard_sample_overlaps(
            {epoch: of.hardest_first for epoch, of in losses.items()}
        ),
    }.items():
        (paths.EVALUATION / f"{name}.json").write_text(json.dumps(content))
    (paths.EVALUATION / "captions").mkdir()
    captions = json.loads(paths.TEST_CAPTIONS.read_text())
    write_results(
        paths.EVALUATION / "captions" / "test.json",
        {entry["image_id"]: entry["caption"] for entry in captions},
    )


@pytest.fixture
def make_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a small run and returns the text of its report."""

    def make(decisions: Sequence[Decision] = (), **settings: Any) -> str:
        write_small_run(tmp_path, **settings)
        for epoch in {decision.epoch for decision in decisions}:
            log = tmp_path / paths.history(settings.get("epochs", 3)) / f"edits-{epoch}.jsonl"
            write_edits(log, settle(read_edits(log), epoch=epoch, decisions=decisions))
        monkeypatch.chdir(tmp_path)
        write_evaluation(settings.get("epochs", 3))
        report.main()
        return paths.REPORT.read_text(encoding="utf-8")

    return make


def rows_of(page: Page, section: str) -> list[str]:
    """The table rows between a section's heading and the next."""
    start = next(
        index for index, (_, found, _) in enumerate(page.elements) if found.get("id") == section
    )
    rows = []
    for tag, _, text in page.elements[start + 1 :]:
        if tag == "section":
            break
        if tag == "tr":
            rows.append(" ".join(" ".join(text).split()))
    return rows


def test_the_page_stands_alone(make_page: Any) -> None:
    html = make_page()
    page = Page(html)

    links = page.attributes("a", "href")
    ids = [found["id"] for _, found, _ in page.elements if "id" in found]
    assert links.count("corpus/index.html") == 1
    assert all(link.removeprefix("#") in ids for link in links if link != "corpus/index.html")
    assert len(ids) == len(set(ids))
    sources = page.attributes("img", "src")
    assert sources and all(source.startswith("data:image/") for source in sources)
    assert not re.findall(r'(?:src|href)="?(?:https?:)?//', html)
    assert not re.findall(r"url\((?!#)|@import", html)
    assert not {"script", "link", "iframe"} & {tag for tag, _, _ in page.elements}
    assert len(page.attributes("img", "alt")) == len(sources)
    assert len(page.attributes("svg", "aria-label")) == 4
    assert "width=device-width" in html


def test_results_of_different_arithmetic_are_told_at_the_top(make_page: Any) -> None:
    def told(**later: str) -> list[str]:
        classes = {
            part: {"1": ["aaaa00000000"], "2": [later.get(part, "aaaa00000000")]}
            for part in ("captioner", "losses", "validation")
        }
        write_epoch_classes(
            paths.history(2) / CLASSES, {**classes, "synthetic": {"0": [], "1": []}}
        )
        report.main()
        page = Page(paths.REPORT.read_text(encoding="utf-8"))
        before = [tag for tag, _, _ in page.elements].index("nav")
        return [
            " ".join("".join(text).split())
            for tag, _, text in page.elements[:before]
            if tag == "li"
        ]

    make_page(epochs=2)
    for result in (paths.GENERATOR, paths.BASE_GENERATOR):  # of which nothing was drawn
        write_classes(result, ["bbbb00000000"])
    for result in (paths.sbert_captions("train"), paths.CLIP_FEATURES, paths.CLIP_SCORES):
        write_classes(result, [])
    write_classes(paths.TEST_CAPTIONS, ["aaaa00000000"])

    assert told() == []
    assert told(captioner="bbbb00000000") == [
        "aaaa00000000: captioner of epoch 1; losses and validation captions of epochs 1, 2; test "
        "captions",
        "bbbb00000000: captioner of epoch 2",
    ]


def test_two_runs_give_the_same_bytes(make_page: Any) -> None:
    first = make_page()
    report.main()

    assert paths.REPORT.read_text(encoding="utf-8") == first
    assert not list(paths.REPORT.parent.glob("*.partial"))


def test_numbers_are_those_of_the_run(make_page: Any) -> None:
    page = Page(make_page())

    assert "the 40 % of the training samples with the highest mean loss" in page.texts("p")[1]
    assert page.texts("dd") == ["61.7", "2 of 3", "4", "8"]
    assert rows_of(page, "scores")[1] == "CIDEr 123.4 61.7"
    assert rows_of(page, "scores")[-3:] == [
        "SPICE – –",
        "CLIPScore 76.2 38.1",
        "RefCLIPScore 80.0 40.0",
    ]
    assert f"No SPICE: {NO_SPICE}." in page.texts("p")
    assert any("are by data/demo_models/clip ;" in text for text in page.texts("p"))
    # Chosen: b#1, c#1, c#0 with (3 + 2.6 + 2.4) / 3, then half of it; d#1 with 1.8 / 2, / 3.
    assert rows_of(page, "losses")[1:] == [
        "1 → 2 2.67 → 1.33 1.10 → 0.55",
        "2 → 3 0.90 → 0.60 0.84 → 0.56",
        # All losses shrink alike, so that the same samples stay hard; 1 % of eight is none.
        "Hardest 20 % 40 %",
        *(f"{epochs} 100 % 100 %" for epochs in ("1 → 2", "1 → 3", "2 → 3")),
    ]
    assert rows_of(page, "curation")[:3] == [
        "After epoch Samples Chosen New image",
        "1 8 3 3",
        "2 8 1 1",
    ]
    # Of b, c and d the new images; both photographs of b and d are still shown.
    assert rows_of(page, "curation")[3:7] == [
        "Epoch Samples Unique images Unique captions Different texts",
        "1 8 4 8 8",
        "2 8 6 8 8",
        "3 8 7 8 8",
    ]


@pytest.mark.parametrize(
    ("too_long", "redrawn", "notes"),
    [
        (0, 0, []),
        (
            141,
            2,
            [
                "141 of 501 prompts were longer than 77 tokens and were cut. Of the synthetic "
                "images, 2 were black or not finite at first, and were generated again with "
                "another seed."
            ],
        ),
    ],
)
def test_long_prompts_and_images_generated_again_are_told(
    make_page: Any, too_long: int, redrawn: int, notes: list[str]
) -> None:
    counts = {"prompts": 501, "too_long": too_long, "most_tokens": 77, "redrawn": redrawn}
    paragraphs = Page(make_page(synthesis=counts)).texts("p")
    assert [text for text in paragraphs if "prompts were" in text] == notes


def test_a_long_prompt_counts_in_each_epoch_that_drew_from_it(make_page: Any) -> None:
    first = {"prompts": 501, "too_long": 141, "most_tokens": 77, "redrawn": 0}
    page = make_page(synthesis=first)
    summed = " A prompt counts in each epoch that drew from it."
    assert summed.strip() not in page  # the other epochs drew nothing
    later = json.dumps({"prompts": 99, "too_long": 9, "most_tokens": 77, "redrawn": 0})
    (paths.history(3) / "synthesis-2.json").write_text(later)
    report.main()
    notes = [text for text in Page(paths.REPORT.read_text()).texts("p") if "prompts were" in text]
    assert notes == ["150 of 600 prompts were longer than 77 tokens and were cut." + summed]


def test_the_selection_is_compared_with_the_planted_noise(make_page: Any) -> None:
    rows = rows_of(Page(make_page()), "curation")

    start = rows.index("Planted noise In training set In chosen Found")
    assert rows[start + 1 : start + 5] == [
        "After epoch 1",
        "Mismatched image 25 % 67 % 100 %",
        "Wrong caption 12 % 33 % 100 %",
        "Any of them 38 % 100 % 100 %",
    ]
    assert "Mismatched image 0.0 % 0.0 % –" in rows


def test_an_image_replacement_shows_both_images_prompt_and_losses(make_page: Any) -> None:
    page = Page(make_page())

    cards = [card for card in page.texts("article") if "Prompt" in card]
    assert len(cards) == 4
    assert cards[0] == (
        "After epoch 1 Planted: wrong caption Original Synthetic three pink rings "
        "Loss 3.00 → 1.50 Prompt prompt of b#1"
    )
    assert page.attributes("img", "alt").count("Synthetic image") == 4


def test_a_caption_replacement_shows_both_captions_and_why_samples_were_kept(
    make_page: Any,
) -> None:
    page = Page(make_page(method="replace_caption"))

    assert page.texts("article")[0] == (
        "After epoch 1 Planted: wrong caption Before three pink rings After a blue bar on white "
        "Loss 3.00 → 1.50"
    )
    assert "Synthetic image" not in page.attributes("img", "alt")
    assert rows_of(page, "curation")[2] == "2 8 1 0 1"
    assert any(f"{KEPT} (1)." in text for text in page.texts("p"))


def test_what_people_decided_is_counted_where_they_did(make_page: Any) -> None:
    decisions = [
        Decision(epoch=1, sample_id="b#1", decision="reject"),
        Decision(epoch=1, sample_id="c#1", decision="caption", caption="yellow all over"),
    ]
    page = Page(make_page(decisions))

    assert page.texts("dd")[2] == "3"
    assert rows_of(page, "curation")[:3] == [
        "After epoch Samples Chosen New caption New image Turned down",
        "1 8 3 1 1 1",
        "2 8 1 0 1 0",
    ]
    assert rows_of(page, "curation")[3:5] == ["After epoch Rejected Another caption", "1 1 1"]
    cards = page.texts("article")
    assert not any("three pink rings" in card for card in cards)
    (reworded,) = [card for card in cards if "After yellow all over" in card]
    assert reworded.startswith("After epoch 1 Another caption by a person")
    assert sum("by a person" in card for card in cards) == 1


def test_what_people_decided_is_counted_by_epoch_and_kind(make_page: Any) -> None:
    """Of captions, another one than the proposed is told from its acceptance."""
    decisions = [
        Decision(epoch=1, sample_id="b#1", decision="accept"),
        Decision(epoch=1, sample_id="c#1", decision="caption", caption="yellow all over"),
        Decision(epoch=1, sample_id="c#0", decision="remove"),
        Decision(epoch=2, sample_id="d#1", decision="accept"),
    ]
    page = Page(make_page(decisions, method="replace_caption"))

    assert rows_of(page, "curation")[3:6] == [
        "After epoch Accepted Another caption Removed",
        "1 1 1 1",
        "2 1 0 0",
    ]
    assert not any("by a person" in card for card in page.texts("article") if "d ring" in card)


@pytest.mark.parametrize("settings", [{}, {"method": "replace_caption"}, {"method": "remove"}])
def test_nothing_is_said_of_people_who_decided_nothing(
    make_page: Any, settings: dict[str, Any]
) -> None:
    page = make_page(**settings)
    assert "people decided" not in page and "urned down" not in page


def test_a_removed_sample_has_no_loss_after(make_page: Any) -> None:
    page = Page(make_page(method="remove", noise=False))

    assert page.texts("article")[0] == "After epoch 1 Removed three pink rings Loss 3.00"
    assert page.texts("dd")[-1] == "4 of 8"
    assert "Planted noise" not in " ".join(rows_of(page, "curation"))


def test_a_run_of_one_epoch_without_curation_says_so(make_page: Any) -> None:
    page = Page(make_page(method="none", epochs=1))

    assert page.texts("h1") == ["No curation"]
    assert page.texts("dd") == ["61.7", "1 of 1", "0", "8"]
    assert any(text.startswith("No sample was chosen.") for text in page.texts("p"))
    assert page.texts("h2") == ["Scores", "Losses", "Curation", "Test captions", "Parameters"]
    assert len(page.attributes("svg", "aria-label")) == 2


def test_losses_are_per_caption_where_that_is_the_score(make_page: Any) -> None:
    page = Page(make_page(changes={"curation.score": "loss_sum"}))

    assert "highest summed loss" in page.texts("p")[1]
    assert "Loss 12.00 → 6.00" in page.texts("article")[0]
    assert any("nats per caption" in text for text in page.texts("p"))


def test_captions_are_escaped(make_page: Any) -> None:
    attack = "<script>alert(1)</script> & \"rings\" <img src=x onerror='alert(2)'>"
    train = [replace(TRAIN[0]), replace(TRAIN[1], captions=("a blue bar", attack)), *TRAIN[2:]]
    html = make_page(method="replace_caption", noise=False, train=train)
    page = Page(html)

    assert attack in page.texts("del")[0]
    assert "script" not in {tag for tag, _, _ in page.elements}
    assert "&lt;script&gt;" in html
    assert not page.attributes("img", "onerror")


def test_parameters_are_shown_as_they_were_used(make_page: Any) -> None:
    page = Page(make_page(changes={"curation.ratio": 0.35}))

    experiment, profile = page.texts("pre")
    assert "ratio: 0.35" in experiment
    assert "source: demo_world" in profile


def test_large_photographs_are_made_smaller_and_small_drawings_stay_exact(
    make_page: Any, tmp_path: Path
) -> None:
    first = make_page()
    drawn = re.findall(r'<img src="data:image/(\w+)', first)
    assert set(drawn) == {"png"}

    Image.effect_noise((2000, 1000), 80).convert("RGB").save(
        tmp_path / paths.CORPUS / "images" / "t.jpg"
    )
    report.main()
    second = paths.REPORT.read_text(encoding="utf-8")
    assert "data:image/jpeg" in second
    assert len(second) - len(first) < 100_000


@pytest.mark.parametrize("dropped", [0, 3])
def test_training_images_that_are_evaluated_on_are_told(make_page: Any, dropped: int) -> None:
    make_page()
    file = paths.CORPUS_REPORT / "corpus.json"
    numbers = json.loads(file.read_text())
    numbers["findings"]["leaks"] = {
        "groups": 2,
        "near_groups": 0,
        "images": {"train": 3, "val": 0, "test": 2},
        "dropped": dropped,
    }
    file.write_text(json.dumps(numbers))
    report.main()
    page = Page(paths.REPORT.read_text())
    warned = [text for text in page.texts("div", role="note") if "training images" in text]
    if dropped:
        assert not warned
        assert any("3 training images were left out for that" in text for text in page.texts("p"))
    else:
        assert len(warned) == 1
        assert warned[0].startswith("3 training images show pictures that are evaluated on, too")
        assert "(0 of val, 2 of test)" in warned[0]


def test_a_language_that_meteor_does_not_know_has_a_dash_and_the_reason(make_page: Any) -> None:
    make_page(changes={"evaluation.language": "zh"})
    file = paths.EVALUATION / "metrics.json"
    metrics = json.loads(file.read_text())
    metrics |= {"language": "zh", "tokenizer": "Unicode words (UAX #29)"}
    metrics["not_computed"]["meteor"] = "METEOR 1.5 does not know zh"
    metrics["not_computed"]["clipscore"] = "CLIP reads English only; captions are in zh"
    rows = json.loads((paths.EVALUATION / "epochs.json").read_text())
    for scores in (metrics["val"], metrics["test"], *rows):
        scores.update(dict.fromkeys(("meteor", "clipscore", "ref_clipscore")))
    file.write_text(json.dumps(metrics))
    (paths.EVALUATION / "epochs.json").write_text(json.dumps(rows))
    report.main()
    page = Page(paths.REPORT.read_text(encoding="utf-8"))
    assert "METEOR – –" in rows_of(page, "scores")
    notes = " ".join(page.texts("p"))
    assert "No METEOR: METEOR 1.5 does not know zh." in notes
    assert "No CLIPScore: CLIP reads English only; captions are in zh." in notes
    assert "CLIPScores are by" not in notes  # there are none
    assert "tokens are those of Unicode words (UAX #29)" in " ".join(notes.split())
