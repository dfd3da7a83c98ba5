"""The files of the paper's authors: losses, scores, references and annotations in their form.

The form is theirs (lyan62/ErrorAnalysis, branch sd), the content is made up.
"""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from caption_curation.human_study.annotations.categories import CATEGORY_IDS
from caption_curation.human_study.annotations.records import Annotation, read
from caption_curation.human_study.error_analysis import VALUES
from caption_curation.human_study.study.sets import read_study
from tests.commands.console import Ended, console, fail, succeed

COUNT = 6  # image N_sd_N has the loss 30 - N: the last one has the lowest
NAMES = [f"{number}{number}_sd_{number}" for number in range(COUNT)]
FIRST = "sd_categorized_0_1681200000"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """What the authors publish: losses of all images, but only the chosen images themselves."""
    losses = [
        {"image_id": name, "caption": "a generated caption", "loss_val": 30.5 - number}
        for number, name in enumerate(NAMES)
    ]
    scores = {
        name: {"CLIPScore": 0.5 + number / 8, "RefCLIPScore": 0.75}
        for number, name in enumerate(NAMES)
    }
    references = [
        {"image": f"{name}.jpg", "caption": ["long " * 20, "a ring", " ", "a disc"], "prompt": ""}
        for name in NAMES
    ]
    (tmp_path / "losses.json").write_text(json.dumps(losses))
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    (tmp_path / "references.json").write_text(json.dumps(references))
    (tmp_path / "images").mkdir()
    for name in (*NAMES[:2], *NAMES[-2:]):
        Image.new("RGB", (8, 8), "red").save(tmp_path / "images" / f"{name}.jpg")
    return tmp_path


def build_words(folder: Path, *options: str | Path) -> list[str | Path]:
    return [
        *("human-study", "build", "--losses", folder / "losses.json", "--out", folder / "study"),
        *("--images", folder / "images", "--references", folder / "references.json"),
        *("--clipscores", folder / "scores.json", "--references-shown", "all"),
        *("--images-per-group", "2", "--sets", "2", *options),
    ]


@pytest.fixture
def study(published: Path) -> Path:
    """A study of these files: sets [5, 1] and [4, 0]."""
    succeed(*build_words(published))
    return published / "study"


def rewrite(file: Path, change: Any) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_a_study_is_built_of_the_published_files(study: Path) -> None:
    assert json.loads((study / "sets.json").read_text()) == [
        [NAMES[5], NAMES[1]],
        [NAMES[4], NAMES[0]],
    ]
    _, images = read_study(study)
    assert [image.loss for image in images] == [25.5, 29.5, 26.5, 30.5]
    assert [image.clipscore for image in images] == [1.125, 0.625, 1.0, 0.5]
    assert {image.references for image in images} == {("long " * 20, "a ring", "a disc")}
    assert [image.file.name for image in images] == [f"{NAMES[n]}.jpg" for n in (5, 1, 4, 0)]


@pytest.mark.parametrize("suffixed", ["losses", "scores", "references"])
def test_the_suffix_of_ids_does_not_matter(published: Path, suffixed: str) -> None:
    """Each of the files with the other form of the ids than the authors give it."""
    losses, scores, references = (
        published / f"{name}.json" for name in ("losses", "scores", "references")
    )
    if suffixed == "losses":
        rewrite(losses, lambda all_: [e.update(image_id=e["image_id"] + ".jpg") for e in all_])
    elif suffixed == "scores":
        content = json.loads(scores.read_text())
        scores.write_text(json.dumps({f"{name}.jpg": score for name, score in content.items()}))
    else:
        rewrite(references, lambda all_: [e.update(image=e["image"][:-4]) for e in all_])
    succeed(*build_words(published))
    _, images = read_study(published / "study")
    assert [image.clipscore for image in images] == [1.125, 0.625, 1.0, 0.5]
    assert all(len(image.references) == 3 for image in images)


def test_ids_that_differ_in_the_suffix_alone_are_never_mixed_up(published: Path) -> None:
    def add(name: str) -> Any:
        return lambda all_: all_.append({"image": name, "caption": ["another"]})

    references = published / "references.json"
    rewrite(references, add(f"{NAMES[0]}.png"))
    message = fail(*build_words(published))
    assert f"{NAMES[0]}: {NAMES[0]}.jpg and {NAMES[0]}.png" in message
    assert not (published / "study").exists()
    rewrite(references, add(NAMES[0]))  # an equal id leaves no doubt
    succeed(*build_words(published))
    _, images = read_study(published / "study")
    assert images[-1].references == ("another",)


def test_a_missing_key_is_one_fault_however_long_the_file(published: Path) -> None:
    def rename(entries: Any) -> None:
        for entry in entries:
            entry["loss_value"] = entry.pop("loss_val")

    rewrite(published / "losses.json", rename)
    _, *faults = fail(*build_words(published)).splitlines()
    assert [fault.strip() for fault in faults] == [
        "entries 0, 1, 2 and 3 more: neither loss nor loss_val, but image_id, caption, loss_value"
    ]
    rewrite(published / "losses.json", lambda entries: entries[4].update(loss=1.0, loss_val=1.0))
    assert "entry 4: both loss and loss_val" in fail(*build_words(published))


def test_faults_of_scores_and_references_are_told(published: Path) -> None:
    scores, references = published / "scores.json", published / "references.json"
    rewrite(scores, lambda content: content.pop(NAMES[2]))
    assert f"images without a CLIPScore (1):\n  {NAMES[2]}" in fail(*build_words(published))
    rewrite(scores, lambda content: content.update({NAMES[2]: 0.5}))
    assert f"faults (1):\n  {NAMES[2]} must be an object, not 0.5" in fail(*build_words(published))
    scores.write_text("[]")
    assert "expected an object" in fail(*build_words(published))
    rewrite(references, lambda content: content.append({"image": "x.jpg", "caption": "a ring"}))
    without_scores = [
        word for word in build_words(published) if word not in ("--clipscores", scores)
    ]
    assert "faults (1):\n  entry 6: caption must be a list" in fail(*without_scores)
    rewrite(references, lambda content: content[-1].update(content[0]))
    assert f"several times (1):\n  {NAMES[0]}.jpg: entries 0, 6" in fail(*without_scores)
    assert "neither a number" in fail(*build_words(published, "--references-shown", "0"), status=2)


def bring(study: Path, **files: Any) -> Ended:
    """Import files, whose content is given by name."""
    folder = study.parent / "annotated"
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return console(
        *("human-study", "import", *(folder / f"{name}.json" for name in files)),
        *("--sets", study / "sets", "--annotations", study / "annotations"),
    )


def entry(number: int, *categories: str, comment: str | None = "") -> dict[str, Any]:
    return {"categories": categories, "comments": comment, "img": f"{NAMES[number]}.jpg"}


def annotations_of(study: Path, code: str) -> dict[str, Annotation]:
    annotations, problems = read(study / "annotations" / f"{code}.jsonl")
    assert problems == []
    return {annotation.image_id: annotation for annotation in annotations}


def test_their_boxes_are_our_categories() -> None:
    # 25 boxes with 24 values: what is missing is what "number" may be, too.
    assert len(VALUES) == 24
    assert set(CATEGORY_IDS) - set(VALUES.values()) == {"general/inconsistent_reference"}


def test_annotations_are_imported_and_the_ambiguous_ones_counted(study: Path) -> None:
    content = {
        "0": entry(5, "color", "wierd-face", comment="<b>odd</b>"),
        "1": entry(1, "number", "wront-other-object", "weird-main-object", comment=None),
    }
    ended = bring(study, **{FIRST: content, "sd_categorized_1681200600": {"0": entry(4)}})
    assert ended.status == 0, ended.err
    assert ended.out.startswith("3 of 3 annotation(s) imported")
    assert ended.err.splitlines() == [
        'note: 1 annotation(s) mark "number", the value of both "Number" and "Inconsistent Ref" '
        "there: taken for general/number, though each may be general/inconsistent_reference",
        "note: 1 annotation(s) mark nothing: taken for images without errors",
    ]
    first = annotations_of(study, FIRST)
    assert first[NAMES[5]].categories == ("people/weird_face", "general/colour")
    assert first[NAMES[5]].comment == "<b>odd</b>"
    assert first[NAMES[1]].categories == (
        "main_object/weird",
        "other_objects/wrong",
        "general/number",
    )
    assert first[NAMES[1]].saved_at == "2023-04-11T08:00:00+00:00"
    assert {annotation.set for annotation in first.values()} == {1}  # "0" in the name is random
    second = annotations_of(study, "sd_categorized_1681200600")[NAMES[4]]
    assert (second.set, second.categories, second.no_error) == (2, (), True)
    again = bring(study, **{FIRST: content})
    assert again.out.startswith("0 of 2 annotation(s) imported")


def test_number_twice_is_both(study: Path) -> None:
    ended = bring(study, **{FIRST: {"0": entry(5, "number", "number")}})
    assert "Inconsistent Ref" not in ended.err
    assert annotations_of(study, FIRST)[NAMES[5]].categories == (
        "general/number",
        "general/inconsistent_reference",
    )


def test_answers_of_several_people_in_one_file_are_told_of(study: Path) -> None:
    ended = bring(study, **{FIRST: {"0": entry(5, "text"), "1": entry(4, "text")}})
    assert "images of sets 1, 2: it may hold the answers of several people" in ended.err
    assert len(annotations_of(study, FIRST)) == 2


def test_nothing_is_imported_if_anything_is_wrong(study: Path) -> None:
    ended = bring(
        study,
        **{
            FIRST: {"0": entry(5, "text")},
            "sd_categorized_1_1681200001": {"0": entry(5, "colour", "weird"), "1": {"img": "x"}},
            "sd_categorized_1_1681200002": {"0": entry(3, "text")},
            "sd_categorized_1_1681200003": {"0": entry(5), "1": entry(5)},
            "sd_categorized_1_1681200004": [entry(5)],
            "mine": {"0": entry(5)},
        },
    )
    assert ended.status == 1
    for part in (
        'unknown categories "colour", "weird"',
        'entry "1": categories is missing',
        f"images that are in no set (1):\n  {NAMES[3]}.jpg",
        "an image occurs several times",
        "expected an object with an entry for each image",
        "mine.json: the page names its files sd_categorized_SET_UNIXTIME.json",
    ):
        assert part in ended.err
    assert not (study / "annotations").exists()
    nowhere = ["human-study", "import", "x.json", "--sets", study / "nowhere"]
    assert "no sets" in fail(*nowhere)


def test_the_analysis_reads_them(study: Path) -> None:
    for number in range(3):
        marks = ["number"] if number else []
        content = {str(key): entry(key, *marks) for key in (5, 1)}
        assert bring(study, **{f"sd_categorized_0_168120000{number}": content}).status == 0
    told = succeed("human-study", "analyse", "--study", study, "--out", study.parent / "report")
    assert "2 of 4 images are kept" in told
    with (study.parent / "report" / "categories.csv").open() as lines:
        counts = {row["category"]: row["annotations"] for row in csv.DictReader(lines)}
    assert (counts["general/number"], counts["no_error"]) == ("4", "2")
