"""Reading Karpathy's JSON, and refusing what can't be used."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from caption_curation.config.inputs import CorpusFiles
from caption_curation.corpora.corpus import Corpus
from caption_curation.corpora.karpathy import read_karpathy
from caption_curation.corpora.listing import copy_images
from caption_curation.support.errors import InputError

ALL = ("train", "val", "test")
Record = dict[str, Any]


def record(number: int, split: str, *captions: str, **changes: Any) -> Record:
    """An entry as in Karpathy's files; its tokens are not its caption."""
    sentences = [{"raw": caption, "tokens": ["wrong"]} for caption in captions or ("a dog runs .",)]
    return {
        "imgid": number,
        "filename": f"{number}.jpg",
        "split": split,
        "sentences": sentences,
    } | (changes)


def source(
    root: Path | str, annotations: str = "dataset.json", images: str = "images"
) -> CorpusFiles:
    return CorpusFiles(Path(root) / annotations, Path(root) / images)


def write(root: Path, records: list[Record]) -> None:
    """The annotation file, and a picture for every record that names one inside the folder."""
    (root / "dataset.json").write_text(json.dumps({"images": records, "dataset": "toy"}))
    for entry in records:
        path = root / "images" / (entry.get("filepath") or "") / str(entry["filename"])
        if path.is_relative_to(root / "images") and ".." not in path.parts:
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.effect_noise((40, 30), 80).convert("RGB").save(path, format="JPEG")


def read(root: Path, records: list[Record], splits: tuple[str, ...] = ALL) -> Corpus:
    write(root, records)
    return read_karpathy(source(root), "data", splits)


def refusal(root: Path, splits: tuple[str, ...] = ALL, **changes: str) -> str:
    with pytest.raises(InputError) as error:
        read_karpathy(source(root, **changes), "data", splits)
    return str(error.value)


BASIC = [record(1, "train"), record(2, "val"), record(3, "test")]


def test_real_flickr8k(shared_data: Path, tmp_path: Path) -> None:
    flickr = source(shared_data / "flickr8k", "dataset_flickr8k.json")
    corpus = read_karpathy(flickr, "data", ALL)
    assert {split: len(images) for split, images in corpus.splits.items()} == {
        "train": 600,
        "val": 75,
        "test": 78,
    }
    assert sum(len(image.captions) for image in corpus.splits["train"]) == 3000
    first = corpus.splits["train"][0]
    assert (first.image_id, first.file_name) == ("0", "1191338263_a4fa073154.jpg")
    assert first.captions[0] == "A little old lady sitting next to an advertisement ."
    copy_images(Corpus("karpathy", {"val": corpus.splits["val"]}), flickr, tmp_path)
    copied = sorted(tmp_path.glob("images/*"))
    assert len(copied) == 75
    for path in copied:
        assert path.read_bytes() == (shared_data / "flickr8k/images" / path.name).read_bytes()


def test_coco_names_ids_and_restval(tmp_path: Path) -> None:
    corpus = read(
        tmp_path,
        [
            record(0, "train", cocoid=57870, filepath="train2014"),
            record(1, "restval", cocoid=391895, filepath="val2014"),
            record(2, "val", cocoid=522418, filepath="val2014"),
            record(3, "test", cocoid=184613, filepath="val2014"),
        ],
    )
    assert [(image.image_id, image.file_name) for image in corpus.splits["train"]] == [
        ("57870", "train2014/0.jpg"),
        ("391895", "val2014/1.jpg"),
    ]
    assert [len(corpus.splits[split]) for split in ("val", "test")] == [1, 1]
    copy_images(corpus, source(tmp_path), tmp_path / "out")
    assert (tmp_path / "out/images/val2014/3.jpg").is_file()


def test_captions_are_normalised_counted_and_of_any_number(tmp_path: Path) -> None:
    corpus = read(
        tmp_path,
        [
            record(1, "train", "a dog\u2028runs", "two\r\ndogs", "fine", " \t", "six", "seven"),
            record(2, "val", "only one"),
            record(3, "test", "one", "two"),
        ],
    )
    assert corpus.splits["train"][0].captions == ("a dog runs", "two dogs", "fine", "six", "seven")
    assert corpus.splits["val"][0].captions == ("only one",)
    assert (corpus.normalised_captions, corpus.dropped_empty_captions) == (2, 1)


def test_null_is_as_good_as_absent(tmp_path: Path) -> None:
    nulls = {"cocoid": None, "filepath": None, "sentids": None}
    corpus = read(tmp_path, [entry | nulls for entry in BASIC])
    assert [image.image_id for images in corpus.splits.values() for image in images] == [*"123"]


def test_captions_without_a_word_are_dropped_and_counted(tmp_path: Path) -> None:
    wordless = ("...", " . ", "\u200b", "!?", "\u0301")
    corpus = read(tmp_path, [record(1, "train", "犬", *wordless, "7"), *BASIC[1:]])
    assert corpus.splits["train"][0].captions == ("犬", "7")
    assert corpus.dropped_empty_captions == len(wordless)
    write(tmp_path, [record(1, "train", *wordless), *BASIC[1:]])
    assert "images[0], id 1: no caption, or only ones without a word" in refusal(tmp_path)


def test_every_kind_of_picture_is_copied_as_it_is(tmp_path: Path) -> None:
    names = ["grey.jpg", "cmyk.jpg", "moving.gif", "palette.png"]
    entries = [record(i, "train", filename=name) for i, name in enumerate(names, start=4)]
    write(tmp_path, [*entries, *BASIC[1:]])
    folder = tmp_path / "images"
    picture = Image.effect_noise((40, 30), 80)
    picture.save(folder / "grey.jpg")
    picture.convert("CMYK").save(folder / "cmyk.jpg")
    picture.save(folder / "moving.gif", save_all=True, append_images=[picture.rotate(90)])
    picture.convert("P").save(folder / "palette.png")
    corpus = read_karpathy(source(tmp_path), "data", ALL)
    assert [image.file_name for image in corpus.splits["train"]] == names
    copy_images(corpus, source(tmp_path), tmp_path / "out")
    for name in names:
        assert (tmp_path / "out/images" / name).read_bytes() == (folder / name).read_bytes()


def test_all_faults_are_listed_at_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        [
            *BASIC,
            record(4, "validation"),
            record(1, "train", filename="other.jpg"),
            record(5, "train", filename="../secret.jpg"),
            record(6, "train", filename="/etc/passwd"),
            record(7, "train", "  "),
            record(8, "train", sentences=[{"tokens": ["no", "raw"]}]),
            record(9, "train", filename="gone.jpg"),
            record(10, "test", filename="cut.jpg"),
            record(11, "val", filename="text.jpg"),
            record(12, "val", filename="3.jpg"),
            {"filename": "nameless.jpg", "split": "train", "sentences": [{"raw": "a dog"}]},
        ],
    )
    folder = tmp_path / "images"
    (folder / "gone.jpg").unlink()
    whole = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("not a picture")
    message = refusal(tmp_path)
    assert "faults (11)" in message
    for part in [
        "id 4: split must be 'train', 'restval', 'val' or 'test', not \"validation\"",
        "image id used several times: 1: images 0, 4",
        "id 5: file '../secret.jpg' must be a path inside the image folder",
        "id 6: file '/etc/passwd' must be a path inside the image folder",
        "id 7: no caption, or only ones without a word",
        "id 8: sentences[0]: raw is missing",
        "file 'gone.jpg': missing",
        "file 'cut.jpg': unreadable or truncated",
        "file 'text.jpg': not a picture of a known format",
        "file listed several times: '3.jpg': images 2, 12",
        "images[13]: neither 'cocoid' nor 'imgid'",
    ]:
        assert part in message


def test_a_long_list_of_faults_is_cut_and_counted(tmp_path: Path) -> None:
    write(tmp_path, [record(i, "train") for i in range(50)])
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    message = refusal(tmp_path, ("train",))
    assert "faults (50)" in message
    assert "30 more" in message
    assert message.count("missing") == 20


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_pictures_are_found(tmp_path: Path, kept: float) -> None:
    write(tmp_path, BASIC)
    path = tmp_path / "images/2.jpg"
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    assert "faults (1)" in refusal(tmp_path)
    assert "file '2.jpg': unreadable or truncated" in refusal(tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        {"filename": "../1.jpg"},
        {"filename": "/1.jpg"},
        {"filename": "1.jpg", "filepath": ".."},
        {"filename": "1.jpg", "filepath": "/tmp"},
        {"filename": "sub/../../1.jpg"},
        {"filename": "/1.jpg", "filepath": "train2014"},
        {"filename": "1.jpg\0"},
        {"filename": "link.jpg"},
        {"filename": "1.jpg", "filepath": "linked_folder"},
    ],
    ids=str,
)
def test_files_outside_the_image_folder(tmp_path: Path, names: dict[str, str]) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    Image.new("RGB", (4, 4)).save(outside / "1.jpg")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    write(corpus, BASIC)
    (corpus / "images/link.jpg").symlink_to(outside / "1.jpg")
    (corpus / "images/linked_folder").symlink_to(outside)
    entries = [*BASIC, record(4, "train", **names)]
    (corpus / "dataset.json").write_text(json.dumps({"images": entries}))
    message = refusal(corpus)
    assert "faults (1)" in message
    assert "inside the image folder" in message or "leads out of the image folder" in message


def test_an_image_folder_that_is_itself_a_link_is_fine(tmp_path: Path) -> None:
    write(tmp_path, BASIC)
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    (tmp_path / "images").symlink_to(tmp_path / "elsewhere")
    assert len(read_karpathy(source(tmp_path), "data", ALL).splits["train"]) == 1


def test_pictures_of_other_splits_are_not_asked_for(tmp_path: Path) -> None:
    write(tmp_path, BASIC)
    (tmp_path / "images/3.jpg").unlink()
    assert set(read_karpathy(source(tmp_path), "generator_data", ("train",)).splits) == {"train"}
    assert "file '3.jpg': missing" in refusal(tmp_path)


def test_a_split_without_images(tmp_path: Path) -> None:
    write(tmp_path, BASIC[:1])
    message = refusal(tmp_path)
    assert "split val: no image" in message
    assert "split test: no image" in message


COCO = {"info": {}, "images": [{"id": 1, "file_name": "1.jpg"}], "annotations": [{"caption": "a"}]}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (json.dumps(COCO), "COCO's own JSON"),
        (json.dumps([{"image": "1.jpg"}]), "'images' is missing, empty or not a list"),
        (json.dumps({"images": []}), "'images' is missing, empty or not a list"),
        (json.dumps({"images": [{"file_name": "1.jpg"}]}), "no image has a 'filename'"),
        ("not JSON", "malformed JSON"),
    ],
    ids=["coco", "list", "empty", "names", "text"],
)
def test_files_of_another_form(tmp_path: Path, content: str, expected: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "dataset.json").write_text(content)
    message = refusal(tmp_path)
    assert expected in message
    assert "expected Karpathy's format" in message
    assert str(tmp_path / "dataset.json") in message


def test_real_coco_captions_given_by_mistake(shared_data: Path) -> None:
    message = refusal(
        shared_data / "coco_cc",
        annotations="annotations/captions_train2017.json",
        images="train2017",
    )
    assert "COCO's own JSON" in message
    assert "dataset_coco.json" in message


def test_missing_folders_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "inputs.annotations: nowhere/dataset.json: no such file" in refusal(Path("nowhere"))
    write(tmp_path, BASIC)
    folder = tmp_path / "photos"
    assert f"inputs.images = '{folder}': there is no such folder" in refusal(
        tmp_path, images="photos"
    )
    with pytest.raises(InputError, match=r"inputs\.generator_images = "):
        read_karpathy(source(tmp_path, images="photos"), "generator_data", ALL)


def relative(root: Path) -> str:
    return os.path.relpath(root)


@pytest.mark.parametrize("spelling", [str, relative])
def test_spellings_of_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: Callable[[Path], str]
) -> None:
    root = tmp_path / "flickr"
    root.mkdir()
    write(root, BASIC)
    monkeypatch.chdir(root)
    corpus = read_karpathy(source(spelling(root)), "data", ALL)
    assert len(corpus.splits["train"]) == 1
