"""COCO's own JSON: splits by file, by Karpathy's ids or by fractions; licences and sources."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pycocoevalcap
import pytest
from pycocotools.coco import COCO

from caption_curation.samples import read_json_lines
from tests.corpora.forms import (
    HALVES,
    SPLITS,
    assert_refused_with_nothing_written,
    listed,
    read,
    refusal,
    section,
    stage,
    write_picture,
    written,
)

Content = dict[str, Any]


def coco(annotations: str = "annotations", splits: Any = "given", **more: Any) -> dict[str, Any]:
    return section("coco", annotations=annotations, revision=0, splits=splits, **more)


def captions(first: int, *names: str) -> Content:
    """A file of captions with ids from ``first``, two captions an image, the later image first."""
    images = [{"id": first + n, "file_name": name} for n, name in enumerate(names)]
    notes = [
        {"id": number, "image_id": image["id"], "caption": f"{word} {image['file_name']}"}
        for number, (word, image) in enumerate(
            (word, image) for word in ("a", "the") for image in reversed(images)
        )
    ]
    return {"info": {}, "licenses": [], "images": images, "annotations": notes}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Annotations of three splits, and their pictures in a folder."""
    root = tmp_path / "corpus"
    for number, split in enumerate(SPLITS):
        names = [f"{split}_{n}.jpg" for n in range(2)]
        for seed, name in enumerate(names):
            write_picture(root / "images" / name, 10 * number + seed)
        write(root / f"annotations/captions_{split}2014.json", captions(10 * number, *names))
    write(root / "annotations/instances_train2014.json", {"annotations": [{"bbox": [0] * 4}]})
    return root


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def ids(data: dict[str, Any], root: Path) -> dict[str, list[str]]:
    found = read(data, root / "annotations", root / "images").splits
    return {split: sorted(image.image_id for image in found[split]) for split in SPLITS}


def test_real_photographs_as_pycocotools_reads_them(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "coco_cc"
    annotations = folder / "annotations/captions_train2017.json"
    root = tmp_path / "work"
    data = coco("captions_train2017.json", HALVES)
    ended = stage(root, data, annotations, folder)
    assert ended.returncode == 0, ended.stderr
    theirs = COCO(annotations)
    expected = {
        f"train2017/{image['file_name']}": (
            tuple(" ".join(note["caption"].split()) for note in theirs.imgToAnns[image_id]),
            (folder / "train2017" / image["file_name"]).read_bytes(),
        )
        for image_id, image in theirs.imgs.items()
    }
    assert written(root) == expected
    known = {row["image_id"]: row for row in read_json_lines(root / "data/corpus/provenance.jsonl")}
    lines = (folder / "attribution.tsv").read_text().splitlines()[1:]
    assert len(known) == len(lines) == 26
    for line in lines:
        file, licence_id, url = line.split("\t")
        row = known[str(int(Path(file).stem))]
        assert row["source_url"] == url
        address = "by" if licence_id == "4" else "by-sa"
        assert f"creativecommons.org/licenses/{address}/2.0/" in row["licence"]
        assert row["author"] is None


def test_splits_by_file_by_names_and_by_karpathys_ids(corpus: Path) -> None:
    expected = {"train": ["0", "1"], "val": ["10", "11"], "test": ["20", "21"]}
    assert ids(coco(), corpus) == expected
    files = {split: f"captions_{split}2014.json" for split in SPLITS}
    turned = files | {"val": files["test"], "test": files["val"]}
    assert ids(coco(splits=turned), corpus) == expected | {
        "val": ["20", "21"],
        "test": ["10", "11"],
    }
    images = [
        {"cocoid": number, "split": split}
        for split, numbers in {
            "restval": [10, 21],
            "train": [1],
            "val": [0],
            "test": [11, 20],
        }.items()
        for number in numbers
    ]
    write(corpus / "annotations/dataset_coco.json", {"images": images})
    by_karpathy = coco(splits={"karpathy": "dataset_coco.json"})
    assert ids(by_karpathy, corpus) == {
        "train": ["1", "10", "21"],
        "val": ["0"],
        "test": ["11", "20"],
    }
    write(corpus / "annotations/dataset_coco.json", {"images": images[1:]})
    message = refusal(by_karpathy, corpus / "annotations", corpus / "images")
    assert "captions_val2014.json, image 0: not in Karpathy's file" in message


def test_captions_keep_their_order_and_pictures_their_folders(corpus: Path) -> None:
    path = corpus / "annotations/captions_train2014.json"
    content = json.loads(path.read_text())
    content["images"][0]["coco_url"] = "http://images.cocodataset.org/train2014/train_0.jpg"
    write(path, content)
    (corpus / "images/train2014").mkdir()
    shutil.move(corpus / "images/train_0.jpg", corpus / "images/train2014")
    train = read(coco(), corpus / "annotations", corpus / "images").splits["train"]
    assert [(image.file_name, image.captions) for image in train] == [
        ("train2014/train_0.jpg", ("a train_0.jpg", "the train_0.jpg")),
        ("train_1.jpg", ("a train_1.jpg", "the train_1.jpg")),
    ]


def test_all_faults_are_told_at_once(corpus: Path, tmp_path: Path) -> None:
    path = corpus / "annotations/captions_train2014.json"
    content = json.loads(path.read_text())
    content["images"] += [
        {"id": 2, "file_name": "../x.jpg"},
        {"id": 3, "file_name": "gone.jpg"},
        {"file_name": "train_0.jpg"},
        {"id": 10, "file_name": "train_0.jpg"},
        "an image",
    ]
    content["annotations"] += [
        {"image_id": 2, "caption": "a"},
        {"image_id": 3, "caption": "a"},
        {"image_id": 77, "caption": "a"},
        {"image_id": 1, "caption": None},
        {"image_id": 1},
        {"image_id": 10, "caption": "a"},
    ]
    write(path, content)
    root = tmp_path / "work"
    assert_refused_with_nothing_written(
        stage(root, coco(), corpus / "annotations", corpus / "images"),
        root,
        "captions_train2014.json, image 2: file '../x.jpg' must be a path inside",
        "captions_train2014.json, image 3: file 'gone.jpg': missing",
        "captions_train2014.json, image 4: id is missing",
        'captions_train2014.json, images 0, 5: file \'train_0.jpg\': several image ids: "0", "10"',
        "captions_train2014.json, image 6: must be an object",
        "captions_train2014.json, annotation 6: image_id 77: no such image",
        "captions_train2014.json, annotation 7: caption must be a string, not null",
        "captions_train2014.json, annotation 8: caption is missing",
    )


def test_a_byte_order_mark_and_another_encoding(corpus: Path) -> None:
    path = corpus / "annotations/captions_val2014.json"
    text = path.read_text()
    path.write_text(text, encoding="utf-8-sig")
    assert ids(coco(), corpus)["val"] == ["10", "11"]
    path.write_bytes(text.replace("the val", "d\u00e4r val").encode("latin-1"))
    message = refusal(coco(), corpus / "annotations", corpus / "images")
    assert "captions_val2014.json: not UTF-8" in message
    assert "line 1: byte 0xe4" in message


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({"images": [{"filename": "1.jpg", "sentences": []}]}, "data.source = karpathy reads"),
        ({"images": [{"id": 1}], "annotations": [{"bbox": []}]}, "no annotation has a 'caption'"),
        ({"images": [], "annotations": []}, "'images' is missing, empty or not a list"),
        ([1], "'images' is missing, empty or not a list"),
    ],
    ids=["karpathy", "instances", "empty", "list"],
)
def test_files_of_another_form(corpus: Path, content: Any, part: str) -> None:
    write(corpus / "annotations/captions_val2014.json", content)
    message = refusal(coco(), corpus / "annotations", corpus / "images")
    assert part in message
    assert "captions_val2014.json" in message


def test_what_splits_name_must_be_there(corpus: Path) -> None:
    files = {"train": "captions_train2014.json", "val": "gone.json", "test": "other.json"}
    message = refusal(coco(splits=files), corpus / "annotations", corpus / "images")
    assert "gone.json: no such file" in message and "other.json: no such file" in message
    path = corpus / "annotations/captions_train2014.json"
    message = refusal(coco(splits={"karpathy": "k.json"}), path, corpus / "images")
    assert "a folder with k.json is needed" in message
    message = refusal(coco(), corpus, corpus / "images")
    assert "no file captions*.json" in message


@pytest.mark.by_hand
def test_all_of_cocos_captions(tmp_path: Path) -> None:
    """The annotations of 123,287 images, without their pictures."""
    jar = Path(next(iter(pycocoevalcap.__path__))) / "spice/spice-1.0.jar"

    def members(archive: ZipFile) -> Iterator[str]:
        return (name for name in archive.namelist() if "captions_" in name)

    with ZipFile(jar) as archive:
        for name in members(archive):
            (tmp_path / Path(name).name).write_bytes(archive.read(name))
    listing = listed(coco(), tmp_path, tmp_path)
    assert listing.faults == []
    numbers = {
        split: sum(entry.split == split for entry in listing.entries) for split in ("train", "val")
    }
    assert numbers == {"train": 82_783, "val": 40_504}
    texts = sum(len(entry.image.captions) + entry.empty for entry in listing.entries)
    assert texts == 414_113 + 202_654
