"""Tables with a delimiter: Kaggle's Flickr8k, Flickr30K's results.csv, and what people make."""

import csv
from pathlib import Path
from typing import Any

import pytest

from caption_curation.samples import read_json_lines
from tests.corpora.forms import (
    HALVES,
    NAMED,
    assert_refused_with_nothing_written,
    captions_of,
    documented,
    listed,
    photographs,
    read,
    refusal,
    section,
    stage,
    write_picture,
    written,
)

GIVEN = NAMED | {"split": "split"}


def table(**more: Any) -> dict[str, Any]:
    plain = {"annotations": "captions.csv", "revision": 0, "columns": GIVEN, "splits": "given"}
    return section("csv", **plain | {"delimiter": ",", "quote": '"', "names": None} | more)


KAGGLE = documented("captions.txt") | {"splits": HALVES}
FLICKR30K = documented("results.csv") | {"splits": HALVES}
ROWS = "file_name,caption,split\n1.jpg,a dog,train\n2.jpg,a cat,val\n3.jpg,a bird,test\n"


def corpus(root: Path, text: str | bytes, *names: str) -> tuple[Path, Path]:
    """A table, and pictures of these names."""
    content = text if isinstance(text, bytes) else text.encode()
    root.mkdir(exist_ok=True)
    (root / "captions.csv").write_bytes(content)
    for seed, name in enumerate(names or ("1.jpg", "2.jpg", "3.jpg")):
        write_picture(root / "images" / name, seed)
    return root / "captions.csv", root / "images"


def test_kaggles_flickr8k(shared_data: Path, tmp_path: Path) -> None:
    """Real photographs; captions with commas and quotes, as pandas writes them."""
    files = photographs(shared_data, 12)
    captions = {
        file.name: [f'A man says "{number}" , and waves .', "Two dogs, one ball .", "A | bar ."]
        for number, file in enumerate(files)
    }
    with (tmp_path / "captions.txt").open("w", newline="") as lines:
        rows = csv.writer(lines)
        rows.writerow(["image", "caption"])
        rows.writerows((name, text) for name, texts in captions.items() for text in texts)
    ended = stage(tmp_path / "work", KAGGLE, tmp_path / "captions.txt", files[0].parent)
    assert ended.returncode == 0, ended.stderr
    found = written(tmp_path / "work")
    assert found == {file.name: (tuple(captions[file.name]), file.read_bytes()) for file in files}
    assert not (tmp_path / "work/data/corpus/provenance.jsonl").exists()


def test_flickr30ks_results(tmp_path: Path) -> None:
    """Its one row that lacks a bar is as published; captions hold bars, quotes and commas."""
    lines = ["image_name| comment_number| comment"]
    names = [f"{number}.jpg" for number in range(12)] + ["2199200615.jpg"]
    lines += [f'{name}| {n}|  A "dog", number {n} | runs .' for name in names for n in range(4)]
    lines += [f"{name}| 4| Grass ." for name in names[:-1]]
    lines += ["2199200615.jpg| 4   A dog runs across the grass ."]
    annotations, images = corpus(tmp_path, "\n".join(lines) + "\n", *names)
    found = read(FLICKR30K, annotations, images)
    assert captions_of(found).keys() == set(names)
    mended = captions_of(found)["2199200615.jpg"]
    assert mended[0] == 'A "dog", number 0 | runs .'
    assert mended[4] == "A dog runs across the grass ."
    assert found.repaired_rows == 1
    assert found.normalised_captions == 0


def test_rows_that_no_rule_mends_are_told(tmp_path: Path) -> None:
    text = "image_name| comment_number| comment\n1.jpg| dogs .\n1.jpg\n2.jpg| A dog runs .\n"
    message = refusal(FLICKR30K, *corpus(tmp_path, text))
    assert "lines 2, 4: 2 cells, but 3 columns" in message
    assert "line 3: 1 cells, but 3 columns" in message


def test_a_table_without_names_and_with_tabs(tmp_path: Path) -> None:
    text = "1.jpg\ta dog, a cat\ttrain\r\n2.jpg\tx\tdev\r\n3.jpg\ty\ttest\r\n"
    data = table(delimiter="\t", quote=None, names=["file_name", "caption", "split"])
    found = read(data, *corpus(tmp_path, text))
    assert [image.captions for image in found.splits["train"]] == [("a dog, a cat",)]
    assert [image.image_id for image in found.splits["val"]] == ["2.jpg"]


def test_columns_that_nobody_asks_for_may_be_called_anything(tmp_path: Path) -> None:
    """As pandas writes an index, without a name."""
    text = ",file_name,caption,split,,\n0,1.jpg,a,train,,\n1,2.jpg,b,val,,\n2,3.jpg,c,test,,\n"
    found = read(table(), *corpus(tmp_path, text))
    assert captions_of(found) == {"1.jpg": ("a",), "2.jpg": ("b",), "3.jpg": ("c",)}


def test_a_folder_of_tables_whose_names_tell_the_split(tmp_path: Path) -> None:
    _, images = corpus(tmp_path / "corpus", "")
    folder = tmp_path / "tables"
    for number, split in enumerate(("train", "validation", "test"), start=1):
        (folder / split).mkdir(parents=True)
        (folder / split / "part.csv").write_text(f"file_name,caption\n{number}.jpg,a dog\n")
    found = read(table(columns=NAMED), folder, images)
    assert {split: len(each) for split, each in found.splits.items()} == {
        "train": 1,
        "val": 1,
        "test": 1,
    }
    (folder / "train/part.csv").write_text("file_name,caption\n9.jpg,\n8.jpg\n")
    message = refusal(table(columns=NAMED), folder, images)
    assert "train/part.csv, line 2: file '9.jpg': no caption" in message
    assert "train/part.csv, line 3: 1 cells, but 2 columns" in message


def test_names_are_kept_apart(tmp_path: Path) -> None:
    """Equal names in folders, one name with two endings, dots, blanks, Windows' separators."""
    names = ["a/1.jpg", "b/1.jpg", "1.jpg", "1.png", "x.y.z.jpg", "a b/c d.jpg"]
    rows = [f"{name},{name.upper()}" for name in (*names[:-1], "a b\\c d.jpg")]
    text = "file_name,caption\n" + "\n".join([*rows, "a\\1.jpg,again", "./b//1.jpg,again"])
    annotations, images = corpus(tmp_path, text, *names)
    entries = listed(table(columns=NAMED, splits=HALVES), annotations, images).entries
    assert {entry.image.file_name: entry.image.captions for entry in entries} == {
        "a/1.jpg": ("A/1.JPG", "again"),
        "b/1.jpg": ("B/1.JPG", "again"),
        "1.jpg": ("1.JPG",),
        "1.png": ("1.PNG",),
        "x.y.z.jpg": ("X.Y.Z.JPG",),
        "a b/c d.jpg": ("A B\\C D.JPG",),
    }


def test_a_byte_order_mark_and_provenance(tmp_path: Path) -> None:
    text = (
        "\ufefffile_name,caption,split,id,by,from,under\n"
        "1.jpg,a dog,train,007,Ann,http://x/1,CC BY\n1.jpg,a pup,train,007,,,\n"
        "2.jpg,a cat,val,8,,,\n3.jpg,a bird,test,9,Bob,,\n"
    )
    columns = GIVEN | {"image_id": "id", "author": "by", "source_url": "from", "licence": "under"}
    annotations, images = corpus(tmp_path / "corpus", text)
    root = tmp_path / "work"
    assert stage(root, table(columns=columns), annotations, images).returncode == 0
    assert read_json_lines(root / "data/corpus/provenance.jsonl") == [
        {"image_id": "007", "licence": "CC BY", "author": "Ann", "source_url": "http://x/1"},
        {"image_id": "9", "licence": None, "author": "Bob", "source_url": None},
    ]
    assert read_json_lines(root / "data/corpus/train.jsonl") == [
        {"image_id": "007", "file_name": "1.jpg", "captions": ["a dog", "a pup"]}
    ]


def test_splits_by_fractions_stay_when_images_are_added(tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(400)]

    def splits(some: list[str], **fractions: float) -> dict[str, str]:
        text = "file_name,caption\n" + "".join(f"{name},a dog\n" for name in some)
        (tmp_path / "captions.csv").write_text(text)
        data = table(columns=NAMED, splits=HALVES | fractions)
        entries = listed(data, tmp_path / "captions.csv", tmp_path).entries
        return {entry.image.file_name: entry.split for entry in entries}

    before = splits(names[:200])
    after = splits(names[::-1])
    assert after | before == after
    shares = [[*after.values()].count(split) / 400 for split in ("train", "val", "test")]
    # Deviations of binomial shares are at most 0.025.
    assert shares == pytest.approx([0.4, 0.3, 0.3], abs=0.08)
    # Another validation split leaves the test images alone.
    fewer = splits(names, val=0.1)
    assert {n for n in names if fewer[n] == "test"} == {n for n in names if after[n] == "test"}
    assert {n for n in names if fewer[n] == "val"} < {n for n in names if after[n] == "val"}


def test_all_faults_are_told_at_once_by_line(tmp_path: Path) -> None:
    text = ROWS + (
        "../1.jpg,a,train\n"  # 5
        "/etc/passwd,a,train\n"
        "..\\1.jpg,a,train\n"
        "C:\\x.jpg,a,train\n"
        "link.jpg,a,train\n"  # 9
        "4.jpg,...,train\n"
        "4.jpg, ,train\n"
        "5.jpg,a,validate\n"
        "6.jpg,a,train\n"  # 13
        "6.jpg,a,val\n"
        "7.jpg,a,\n"
        "8.jpg,a,train\n"
        ",a,train\n"  # 17
        "too,few\n"
        "one,too,many,cells\n"
        "9.jpg,a,train\n"
        "9.jpg,b,train\n"
    )
    names = ["1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg", "6.jpg", "7.jpg", "9.jpg"]
    annotations, images = corpus(tmp_path / "corpus", text, *names)
    (images / "link.jpg").symlink_to(write_picture(tmp_path / "outside.jpg"))
    cut = images / "9.jpg"
    cut.write_bytes(cut.read_bytes()[:500])
    root = tmp_path / "work"
    ended = stage(root, table(), annotations, images)
    assert_refused_with_nothing_written(
        ended,
        root,
        "faults (13)",
        "lines 5, 7: file '../1.jpg' must be a path inside the image folder",
        "line 6: file '/etc/passwd' must be a path inside the image folder",
        "line 8: file '/C:/x.jpg' must be a path inside the image folder",
        "line 9: file 'link.jpg' is a link that leads out of the image folder",
        "lines 10, 11: file '4.jpg': no caption, or only ones without a word",
        "line 12: file '5.jpg': split must be 'train', 'val', 'validation', 'dev' or 'test', not "
        '"validate"',
        "lines 13, 14: file '6.jpg': several splits: train, val",
        "line 15: file '7.jpg': no split",
        "line 16: file '8.jpg': missing",
        "line 17: file_name must not be empty",
        "line 18: 2 cells, but 3 columns",
        "line 19: 4 cells, but 3 columns",
        "lines 20, 21: file '9.jpg': unreadable or truncated picture",
    )


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b"file_name,text,split\n1.jpg,a,train\n", "line 1: no column 'caption'; there are"),
        (b"file_name,caption,caption,split\n", "line 1: several columns 'caption'"),
        (b"", "line 1: no column"),
        ('file_name,caption,split\n1.jpg,"a,train\n\n\n', "line 2: unexpected end of data"),
        ("file_name,caption,split\n1.jpg,Gr\u00fcn,train\n".encode("latin-1"), "not UTF-8"),
        ("file_name,caption\n".encode("utf-16"), "not UTF-8 but UTF-16"),
    ],
    ids=["column", "twice", "empty", "quote", "latin-1", "utf-16"],
)
def test_tables_of_another_form(tmp_path: Path, text: str | bytes, part: str) -> None:
    annotations, images = corpus(tmp_path, text)
    message = refusal(table(), annotations, images)
    assert part in message
    assert "captions.csv" in message


def test_two_images_of_one_id(tmp_path: Path) -> None:
    text = "file_name,caption,split,id\n1.jpg,a,train,x\n2.jpg,a,val,x\n3.jpg,a,test,y\n"
    text += "3.jpg,b,test,z\n"
    data = table(columns=GIVEN | {"image_id": "id"})
    message = refusal(data, *corpus(tmp_path, text))
    assert "image id used several times: x: line 2 ('1.jpg'); line 3 ('2.jpg')" in message
    assert 'lines 4, 5: file \'3.jpg\': several image ids: "y", "z"' in message


def test_the_rows_that_datasets_reads(tmp_path: Path) -> None:
    """An independent reader of the same file, where it has a header and quotes."""
    import datasets

    rows = [(f"{number % 7}.jpg", f'a "{number}", yes') for number in range(21)]
    with (tmp_path / "captions.csv").open("w", newline="") as lines:
        csv.writer(lines).writerows([("file_name", "caption"), *rows])
    data = table(columns=NAMED, splits=HALVES)
    entries = listed(data, tmp_path / "captions.csv", tmp_path).entries
    ours = [(entry.image.file_name, text) for entry in entries for text in entry.image.captions]
    theirs = datasets.load_dataset(
        "csv",
        data_files=str(tmp_path / "captions.csv"),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert sorted(ours) == sorted((row["file_name"], row["caption"]) for row in theirs)
