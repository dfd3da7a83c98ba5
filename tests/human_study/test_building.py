"""The folders of the sets: complete, and blind to the loss."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from caption_curation.human_study.study.sets import read_study
from tests.commands.console import fail, succeed

# By image id: loss, file, references. Ids that are no file names must not leave the folder.
LONG = "a very long caption " * 5
IMAGES: dict[Any, tuple[float, str, list[str]]] = {
    7: (3.0, "seven.jpg", [LONG, "a <b>ring</b>", "a hoop", "one more"]),
    "../x": (1.0, "x.png", ["a disc"]),
    "c": (2.0, "c.webp", ["a bar", "a strip"]),
    "d": (0.5, "d.jpg", ["a cross", " "]),
    "middle": (1.5, "middle.jpg", ["a bar"]),
}
OPTIONS = ("--images-per-group", "2", "--sets", "2", "--loss-unit", "nats per token")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Images, COCO captions and losses."""
    (tmp_path / "images").mkdir()
    losses, listed, captions = [], [], []
    for image_id, (loss, name, texts) in IMAGES.items():
        Image.new("RGB", (8, 8), "red").save(tmp_path / "images" / name)
        losses.append({"image_id": image_id, "loss": loss, "clipscore": loss / 2})
        listed.append({"id": image_id, "file_name": name})
        captions += [{"image_id": image_id, "caption": text} for text in texts]
    (tmp_path / "losses.json").write_text(json.dumps(losses))
    references = {"images": listed, "annotations": captions}
    (tmp_path / "references.json").write_text(json.dumps(references))
    return tmp_path


def words(source: Path, *options: str | Path) -> list[str | Path]:
    return [
        *("human-study", "build", "--losses", source / "losses.json", "--out", source / "study"),
        *("--images", source / "images", "--references", source / "references.json", *OPTIONS),
        *options,
    ]


def build(source: Path, *options: str) -> Path:
    succeed(*words(source, *options))
    return source / "study"


def change_references(source: Path, change: Any) -> None:
    file = source / "references.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_a_set_has_its_images_and_two_references(source: Path) -> None:
    study = build(source)
    assert json.loads((study / "sets.json").read_text()) == [["d", "c"], ["../x", 7]]
    pages = [
        json.loads((study / "sets" / f"set_{number}" / "page.json").read_text())
        for number in (1, 2)
    ]
    assert [page["set"] for page in pages] == [1, 2]
    shown = {image["image_id"]: image["references"] for page in pages for image in page["images"]}
    assert shown == {
        "c": ["a bar", "a strip"],
        "d": ["a cross"],
        "../x": ["a disc"],
        "7": ["a <b>ring</b>", "a hoop"],
    }
    for number, page in enumerate(pages, start=1):
        folder = study / "sets" / f"set_{number}"
        files = {folder / image["file"] for image in page["images"]}
        assert files == set((folder / "images").iterdir())
        for image in page["images"]:
            text = image["image_id"]
            image_id = int(text) if text.isdigit() else text
            original = source / "images" / IMAGES[image_id][1]
            assert (folder / image["file"]).read_bytes() == original.read_bytes()


def test_the_page_is_blind_and_the_manifest_is_not(source: Path) -> None:
    study = build(source)
    unit, images = read_study(study)
    assert unit == "nats per token"
    assert [
        (image.image_id, image.set, image.group, image.rank, image.loss) for image in images
    ] == [
        ("d", 1, "low", 0, 0.5),
        ("c", 1, "high", 0, 2.0),
        ("../x", 2, "low", 1, 1.0),
        ("7", 2, "high", 1, 3.0),
    ]
    assert [image.clipscore for image in images] == [0.25, 1.0, 0.5, 1.5]
    for number in (1, 2):
        page = json.loads((study / "sets" / f"set_{number}" / "page.json").read_text())
        assert page.keys() == {"set", "images"}
        for image in page["images"]:
            assert image.keys() == {"image_id", "file", "references"}
        ids = [image["image_id"] for image in page["images"]]
        assert ids == sorted(ids)  # not by loss


def test_a_study_is_built_again_in_its_place(source: Path) -> None:
    study = build(source)
    (study / "annotations").mkdir()
    build(source, "--references-shown", "1", "--sets", "1")
    assert (study / "annotations").is_dir()
    assert [path.name for path in (study / "sets").iterdir()] == ["set_1"]
    (study / "sets" / "my_thesis").mkdir()
    assert "my_thesis" in fail(*words(source))
    assert (study / "sets" / "set_1" / "page.json").is_file()


def test_images_without_references_are_told(source: Path) -> None:
    def remove(content: Any) -> None:
        content["annotations"] = [
            caption
            for caption in content["annotations"]
            if caption["image_id"] not in ("c", "d", "middle")
        ]
        content["annotations"].append({"image_id": "d", "caption": "  "})

    change_references(source, remove)
    heading, *listed = fail(*words(source)).splitlines()
    assert "images without references" in heading
    assert [line.strip() for line in listed] == ["d", "c"]
    assert not (source / "study").exists()


def test_only_whole_pictures_inside_the_folder_are_taken(source: Path) -> None:
    (source / "outside.jpg").write_bytes((source / "images" / "seven.jpg").read_bytes())
    (source / "images" / "c.webp").write_text("no picture")
    (source / "images" / "d.jpg").unlink()

    def point_outside(content: Any) -> None:
        content["images"][0]["file_name"] = "../outside.jpg"

    assert "no file d.jpg" in fail(*words(source))
    Image.new("RGB", (8, 8)).save(source / "images" / "d.jpg", format="BMP")
    change_references(source, point_outside)
    faults = fail(*words(source)).splitlines()[1:]
    assert len(faults) == 3
    for fault, image_id in zip(faults, ("d", "c", "7"), strict=True):
        assert fault.startswith(f"  {image_id}: ")
    assert "outside of the folder" in faults[2]


def test_a_photograph_with_further_pictures_behind_it_is_a_jpeg(source: Path) -> None:
    """As phones store them: MPO, which every browser shows as JPEG."""
    with_depth = Image.new("RGB", (8, 8), "red")
    with_depth.save(
        source / "images" / "d.jpg", format="MPO", save_all=True, append_images=[with_depth]
    )
    study = build(source)
    pages = [json.loads(page.read_text()) for page in study.glob("sets/*/page.json")]
    files = {image["image_id"]: image["file"] for page in pages for image in page["images"]}
    assert files["d"].endswith(".jpg")


def test_a_huge_picture_is_refused_by_name(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (80, 80)).save(source / "images" / "d.jpg")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    (fault,) = fail(*words(source)).splitlines()[1:]
    assert fault.startswith("  d: ")
    assert "d.jpg (the picture is too large: Image size (6400 pixels)" in fault


def test_images_and_references_go_together(source: Path) -> None:
    arguments = ["human-study", "build", "--losses", source / "losses.json"]
    arguments += ["--out", source / "study", *OPTIONS, "--images"]
    assert "give both" in fail(*arguments, source / "images", status=2)
    nowhere = [source / "nowhere", "--references", source / "references.json"]
    assert "no such folder" in fail(*arguments, *nowhere)
    references = [source / "images", "--references", source / "nowhere.jsonl"]
    assert "nowhere.jsonl: no such file" in fail(*arguments, *references)
