"""Exports, each read by the reader that it is for, which is not ours."""

import hashlib
import html
import json
import re
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt
from PIL import Image

from caption_curation import paths
from caption_curation.exports.citation import bibtex
from caption_curation.exports.experiment import curated_set
from caption_curation.exports.export import write_export
from caption_curation.exports.formats import FORMATS
from caption_curation.exports.found import find_experiment, linked
from caption_curation.exports.ids import keep_ids, read_ids
from caption_curation.exports.markdown import table
from caption_curation.exports.rows import Row
from caption_curation.exports.tables import TYPES
from caption_curation.samples import Sample, SampleLoss, read_images, samples_of
from caption_curation.support.errors import InputError
from tests.commands.console import fail, succeed
from tests.conftest import REPOSITORY
from tests.corpora.forms import COLUMNS, NAMED, listed, section, stage
from tests.exports.project import (
    EPOCHS,
    GENERATOR,
    PROMPT,
    TEST,
    TRAIN,
    VAL,
    Project,
    write_project,
)

ALL = ("train", "val", "test")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return write_project(tmp_path_factory.mktemp("exports") / "project")


@pytest.fixture(scope="module")
def exported(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a form of the set after epoch 2, with all splits, once."""
    home = tmp_path_factory.mktemp("exported")

    def export(form: str, epoch: int = 2) -> Path:
        target = home / f"{form}_{epoch}"
        if not target.exists():
            contents = curated_set(project.repository, project.root, None, epoch, ALL)
            write_export(contents, form, target)
        return target

    return export


@dataclass(frozen=True)
class Found:
    """A sample as a reader gives it: its caption, the bytes of its picture, what else it has."""

    caption: str
    picture: bytes
    row: dict[str, Any]


def expected(project: Project, epoch: int) -> list[tuple[str, str, bytes]]:
    """Id, caption and picture of the training samples after an epoch, in order."""
    return [
        (sample.sample_id, sample.caption, project.bytes_of[str(sample.file)])
        for sample in project.samples[epoch]
    ]


def of_corpus(project: Project, split: str) -> list[tuple[str, str, bytes]]:
    images = {"val": VAL, "test": TEST}[split]
    return [
        (sample.sample_id, sample.caption, project.bytes_of[str(sample.file)])
        for sample in samples_of(images)
    ]


def assert_is_the_set(project: Project, splits: dict[str, list[Found]]) -> None:
    """All rows of all splits, in order, with what happened to the samples."""
    read = {
        split: [(found.row["sample_id"], found.caption, found.picture) for found in rows]
        for split, rows in splits.items()
    }
    assert read == {
        "train": expected(project, 2),
        "val": of_corpus(project, "val"),
        "test": of_corpus(project, "test"),
    }
    by_id = {found.row["sample_id"]: found.row for found in splits["train"]}
    assert {id for id, row in by_id.items() if row["action"] is not None} == {"1#1", "2#0", "3#0"}
    drawn = by_id["3#0"]
    assert (drawn["action"], drawn["edit_epoch"], drawn["score"]) == ("replace_image", 2, 2.5)
    assert (drawn["synthetic"], drawn["prompt"]) == (True, "prompt of 3#0")
    assert (drawn["image_seed"], drawn["generator"]) == (2**63 - 2, GENERATOR)
    recaptioned = by_id["2#0"]
    assert recaptioned["action"] == "replace_caption" and recaptioned["edit_epoch"] == 1
    assert recaptioned["score"] is None  # it was not chosen by one
    assert recaptioned["original_caption"] == "a green wall"
    assert recaptioned["author"] == "Ben | Bob" and recaptioned["licence"] is None
    # Whose photograph it is says nothing of a picture that a generator drew.
    assert by_id["1#0"]["source_url"] == "https://example.org/1"
    assert by_id["1#1"]["source_url"] is None and by_id["1#1"]["synthetic"]
    assert by_id["4#0"]["action"] is None  # it was chosen, and kept
    for rows in (splits["val"], splits["test"]):
        assert all(found.row["original_caption"] == found.caption for found in rows)
        assert not any(found.row["synthetic"] or found.row["action"] for found in rows)


# ------------------------------------------------------------------------- each with its reader


def load(*words: str, tmp_path: Path, **keys: Any) -> dict[str, Any]:
    import datasets

    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(*words, cache_dir=str(tmp_path / "cache"), **keys)
    return {"train": loaded["train"], "val": loaded["validation"], "test": loaded["test"]}


def undecoded(split: Any, column: str = "image") -> Any:
    import datasets

    return split.cast_column(column, datasets.Image(decode=False))


def bytes_in(image: dict[str, Any]) -> bytes:
    content: bytes = image["bytes"] if image["bytes"] else Path(image["path"]).read_bytes()
    return content


@pytest.mark.parametrize("words", [["imagefolder"], []])
def test_image_folder_with_datasets(
    project: Project, exported: Callable[..., Path], tmp_path: Path, words: list[str]
) -> None:
    """By the name of the form, and by what the card says."""
    folder = exported("image_folder")
    pytest.importorskip("datasets")
    if words:
        loaded = load(*words, tmp_path=tmp_path, data_dir=str(folder))
    else:
        loaded = load(str(folder), tmp_path=tmp_path)
    assert_is_the_set(
        project,
        {
            split: [Found(row["caption"], bytes_in(row["image"]), row) for row in undecoded(rows)]
            for split, rows in loaded.items()
        },
    )
    for name, value in loaded["val"].features.items():
        if name != "image":
            assert value.dtype == TYPES.get(name, "string")
    names = [path.name for path in folder.rglob("*") if path.is_file()]
    pictures = [name for name in names if name not in ("README.md", "metadata.parquet")]
    assert len({name.partition(".")[0].lower() for name in pictures}) == len(pictures)
    assert all(re.fullmatch(r"\w[\w-]*\.(png|jpg|PNG|JPG)", name, re.ASCII) for name in pictures)


def test_parquet_with_datasets(
    project: Project, exported: Callable[..., Path], tmp_path: Path
) -> None:
    pytest.importorskip("datasets")
    loaded = load(str(exported("parquet")), tmp_path=tmp_path)
    assert_is_the_set(
        project,
        {
            split: [Found(row["caption"], bytes_in(row["image"]), row) for row in undecoded(rows)]
            for split, rows in loaded.items()
        },
    )
    assert loaded["train"][0]["image"].size == (40, 32)


def test_parquet_holds_a_picture_once_for_all_its_captions(
    tmp_path: Path, exported: Callable[..., Path], project: Project
) -> None:
    [file] = exported("parquet").glob("data/train-00000-of-00001.parquet")
    shown = {sample.file for sample in project.samples[2]}
    assert file.stat().st_size < sum(len(project.bytes_of[str(each)]) for each in shown) + 20_000


def test_web_dataset_with_its_library_and_with_datasets(
    project: Project, exported: Callable[..., Path], tmp_path: Path
) -> None:
    webdataset = pytest.importorskip("webdataset")
    folder = exported("webdataset")
    read = {}
    for split, name in (("train", "train"), ("val", "validation"), ("test", "test")):
        read[split] = [
            Found(
                sample["txt"].decode(),
                sample.get("jpg") or sample["png"],
                json.loads(sample["json"]),
            )
            for sample in webdataset.WebDataset(
                str(folder / f"{name}-000000.tar"), shardshuffle=False
            )
        ]
        assert all(found.caption == found.row["caption"] for found in read[split])
    assert_is_the_set(project, read)
    with tarfile.open(folder / "train-000000.tar") as tar:
        names = tar.getnames()
    assert names[0].startswith("1-0.") and all(name.count(".") == 1 for name in names)

    loaded = load(str(folder), tmp_path=tmp_path)
    rows = undecoded(undecoded(loaded["train"], "jpg"), "png")
    assert [
        (row["json"]["sample_id"], row["txt"], bytes_in(row["jpg"] or row["png"])) for row in rows
    ] == expected(project, 2)
    assert [row["json"]["image_seed"] for row in rows if row["json"]["synthetic"]] == [
        2**63 - 2,
        2**63 - 2,
    ]


def test_coco_with_pycocotools(project: Project, exported: Callable[..., Path]) -> None:
    from pycocotools.coco import COCO

    folder = exported("coco")
    read = {}
    numbers: list[int] = []
    for split in ALL:
        coco = COCO(str(folder / "annotations" / f"captions_{split}.json"))
        read[split] = [
            Found(
                note["caption"],
                (folder / "images" / coco.imgs[note["image_id"]]["file_name"]).read_bytes(),
                {"licence": None, "source_url": coco.imgs[note["image_id"]]["source_url"]} | note,
            )
            for note in coco.dataset["annotations"]
        ]
        numbers += coco.getAnnIds() + coco.getImgIds()
        for image in coco.dataset["images"]:
            with Image.open(folder / "images" / image["file_name"]) as picture:
                assert picture.size == (image["width"], image["height"])
    assert all(type(number) is int for number in numbers)
    assert_is_the_set(project, read)


def test_karpathy_as_papers_read_it(project: Project, exported: Callable[..., Path]) -> None:
    folder = exported("karpathy")
    content = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    found: dict[str, list[tuple[int, Found]]] = {split: [] for split in ALL}
    for image in content["images"]:
        picture = (folder / "images" / image["filename"]).read_bytes()
        assert image["sentids"] == [sentence["sentid"] for sentence in image["sentences"]]
        for sentence in image["sentences"]:
            found[image["split"]].append(
                (sentence["sentid"], Found(sentence["raw"], picture, sentence))
            )
    # Sentences stand by picture; their numbers are the order of the samples.
    assert_is_the_set(
        project,
        {
            split: [each for _, each in sorted(rows, key=lambda pair: pair[0])]
            for split, rows in found.items()
        },
    )


def test_ids_are_those_that_stay(project: Project, exported: Callable[..., Path]) -> None:
    folder = exported("ids")
    ids = read_ids(folder / "ids.txt")
    first = samples_of(TRAIN)
    assert [sample.sample_id for sample in keep_ids(first, ids)] == [
        sample.sample_id for sample in first if sample in project.samples[2]
    ]
    about = json.loads((folder / "ids.json").read_text())
    assert (about["stay"], about["training_set"], about["corpus"]) == (6, 9, 10)
    assert about["sha256"] == hashlib.sha256((folder / "ids.txt").read_bytes()).hexdigest()
    assert about["provenance"]["generator, SHA-256"] == GENERATOR

    with pytest.raises(InputError, match=r"ids of no sample \(2\):\n  x#0\n  y#0"):
        keep_ids(first, [*ids, "y#0", "x#0"])
    (folder / "twice.txt").write_text("a#0\nb#0\na#0\n")
    with pytest.raises(InputError, match="a#0: lines 1, 3"):
        read_ids(folder / "twice.txt")


# ---------------------------------------------------------------------------- read back and used


@pytest.fixture(scope="module")
def loss_of(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[list[tuple[str, bytes]]], list[SampleLoss]]:
    """The losses of the last epoch's captioner on captions with pictures."""
    import torch

    from caption_curation.captioner.model.captioner import load_captioner
    from caption_curation.captioner.scoring import sample_losses

    experiment = find_experiment(project.repository, None).experiment
    with linked(experiment.files(paths.captioner(EPOCHS).as_posix())) as folder:
        captioner = load_captioner(folder, 32, torch.device("cpu"))

    def losses(rows: list[tuple[str, bytes]]) -> list[SampleLoss]:
        home = tmp_path_factory.mktemp("pictures")
        files = {}
        for number, (_, content) in enumerate(rows):
            files[str(number)] = home / f"{number}.png"
            files[str(number)].write_bytes(content)
        return sample_losses(
            captioner,
            [Sample(str(number), "", "", caption) for number, (caption, _) in enumerate(rows)],
            files,
            prompt=PROMPT,
            max_tokens=40,
            label_smoothing=0.1,
            batch_size=4,
        )

    return losses


READ_BACK: dict[str, tuple[str, str | None, dict[str, Any]]] = {
    "image_folder": ("", None, {"columns": COLUMNS}),
    "parquet": ("data", None, {"columns": NAMED | {"image": "image"}}),
    "webdataset": ("", None, {"columns": NAMED, "revision": None}),
    "coco": ("annotations", "images", {}),
    "karpathy": ("dataset.json", "images", {"splits": None}),
}


@pytest.mark.parametrize("form", READ_BACK)
def test_what_the_pipeline_reads_back_is_the_set_and_costs_the_captioner_the_same(
    project: Project,
    exported: Callable[..., Path],
    loss_of: Callable[[list[tuple[str, bytes]]], list[SampleLoss]],
    tmp_path: Path,
    form: str,
) -> None:
    """By the plain settings of the form, through the stage that reads corpora."""
    name, images, keys = READ_BACK[form]
    place = exported(form) / name
    given = {"annotations": place.name, "revision": 0, "splits": "given"} | keys
    data = section(form, **{key: value for key, value in given.items() if value is not None})
    ended = stage(tmp_path / "root", data, place, exported(form) / images if images else None)
    assert ended.returncode == 0, ended.stderr

    corpus = tmp_path / "root" / "data" / "corpus"
    for split in ALL:
        read = sorted(
            (caption, (corpus / "images" / image.file_name).read_bytes())
            for image in read_images(corpus / f"{split}.jsonl")
            for caption in image.captions
        )
        rows = expected(project, 2) if split == "train" else of_corpus(project, split)
        assert read == sorted((caption, content) for _, caption, content in rows)
        if split == "train":
            losses = loss_of(read)
            assert losses == loss_of(sorted((caption, content) for _, caption, content in rows))
            # All differ but two, of which one was given the other's caption.
            assert len({loss.loss_sum for loss in losses}) == len(losses) - 1


# ------------------------------------------------------------------------------------- the card


def card_of(folder: Path) -> tuple[dict[str, Any], str]:
    text = (folder / "README.md").read_text(encoding="utf-8")
    head, _, body = text.removeprefix("---\n").partition("\n---\n")
    return yaml.safe_load(head), body


@pytest.mark.parametrize("form", FORMATS)
def test_every_export_has_a_card(exported: Callable[..., Path], form: str) -> None:
    head, body = card_of(exported(form))
    assert head["license"] == "other" and head["license_name"] == "several"
    assert head["task_categories"] == ["image-to-text"]
    assert head["size_categories"] == ["n<1K"]
    assert "synthetic" in head["tags"]
    assert ("configs" in head) == (form in ("image_folder", "parquet", "webdataset"))
    assert "| after epoch 1 | 1 | 1 | 1 | 1 |" in body
    assert "| after epoch 2 | 0 | 0 | 2 | 0 |" in body
    assert "10 samples; 1 of them were removed" in body
    assert "https://arxiv.org/abs/2305.03610" in body
    # Captions are shown as they are, and are no markup.
    assert "<b>" not in body and r"&lt;b&gt;bold" in body
    for name in Row.__dataclass_fields__:
        assert f"| {name.replace('_', chr(92) + '_')} |" in body


def test_the_hubs_own_reader_takes_the_card(exported: Callable[..., Path]) -> None:
    from huggingface_hub import DatasetCard

    head = DatasetCard.load(exported("webdataset") / "README.md").data
    assert head.configs[0]["data_files"][1] == {
        "split": "validation",
        "path": "validation-*.tar",
    }


def test_the_lines_of_python_in_the_documentation_run(
    project: Project,
    exported: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    Path("curated").symlink_to(exported("image_folder"))
    Path("decision").symlink_to(exported("ids"))
    experiment = find_experiment(project.repository, None).experiment
    Path("data/corpus").mkdir(parents=True)
    for name, file in experiment.files(paths.CORPUS.as_posix()).items():
        if name == "train.jsonl":
            Path("data/corpus", name).write_bytes(file.read_bytes())
    text = (REPOSITORY / "docs/how-to/export.md").read_text(encoding="utf-8")
    space: dict[str, Any] = {}
    for code in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(code, space)
    assert space["train"][0]["caption"] == "a red wall"
    [block] = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    read = listed(
        yaml.safe_load(block)["data"] | {"annotations": "curated"}, Path("curated"), Path("curated")
    )
    assert len(read.entries) == 5 + 2 + 2 + 2 and read.faults == []
    assert len(space["samples"]) == 6


@pytest.mark.parametrize(
    "text",
    [
        "a | b `c` *d* _e_ ~~f~~ [g](http://h) <i>j</i> &amp; k",
        "# no heading",
        "![x](javascript:y) https://example.org/z www.example.org",
        "back\\slash \\| and $maths$ {x} - 1. 2)",
    ],
)
def test_text_of_others_is_no_markup(text: str) -> None:
    """By a parser of Markdown: a cell has the text and nothing else."""
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(table(("head",), [[text]]))
    [cell] = re.findall("<td>(.*?)</td>", rendered)
    assert "<" not in cell
    assert html.unescape(cell) == text


def test_the_paper_is_cited_as_citation_cff_has_it() -> None:
    cff = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    [paper] = cff["references"]
    entry = bibtex()
    names = [f"{author['family-names']}, {author['given-names']}" for author in paper["authors"]]
    assert f"author = {{{' and '.join(names)}}}" in entry
    assert f"title = {{{paper['title']}}}" in entry
    assert f"year = {{{paper['year']}}}" in entry and paper["url"] in entry
    assert f"version = {{{cff['version']}}}" in entry


def test_licences_are_called_as_on_the_hub() -> None:
    from caption_curation.exports.licences import hub_licence

    assert hub_licence([None]) == {"license": "unknown"}
    for licence in (
        "CC BY-SA 4.0",
        "cc-by-sa-4.0",
        "https://creativecommons.org/licenses/by-sa/4.0/",
    ):
        assert hub_licence([licence]) == {"license": "cc-by-sa-4.0"}
    assert hub_licence(["My own: ask"]) == {"license": "other", "license_name": "my-own-ask"}
    assert hub_licence(["CC0-1.0", None])["license"] == "other"


def test_before_training_nothing_was_changed(exported: Callable[..., Path]) -> None:
    head, body = card_of(exported("coco", 0))
    assert "synthetic" not in head["tags"]
    assert "The training set is the corpus" in body


# -------------------------------------------------------------------------- the command, faults


COMMAND = ("export", "--format", "karpathy")


@pytest.fixture
def in_project(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(project.root)
    return project


def test_the_command_writes_training_samples_alone_unless_asked(
    in_project: Project, tmp_path: Path
) -> None:
    words = [*COMMAND, "--epoch", 1]
    said = succeed(*words, "--to", tmp_path / "train")
    assert said == f"train: 9 samples, 6 pictures\n{tmp_path / 'train'}/README.md\n"
    said = succeed(*words, "--to", tmp_path / "all", "--splits", "train", "val", "test")
    assert "val: 4 samples, 2 pictures\ntest: 4 samples, 2 pictures\n" in said
    assert list(tmp_path.iterdir()) == [tmp_path / "train", tmp_path / "all"]


def test_what_cannot_be_exported_is_told_before_anything_is_written(
    in_project: Project, tmp_path: Path
) -> None:
    words = [*COMMAND, "--to", tmp_path / "out"]
    assert "allowed: 0 (before training) to 2" in fail(*words, "--epoch", 3)
    assert "--to: " in fail(*COMMAND, "--epoch", 1, "--to", in_project.root)
    fail(*words, "--epoch", 1, "--splits", "val", status=2)
    ids = ["export", "--format", "ids", "--to", tmp_path / "out", "--epoch", 1]
    assert "leave --splits out" in fail(*ids, "--splits", "train", "val", status=2)
    assert not any(tmp_path.iterdir())


def test_missing_and_damaged_pictures_are_told(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", captioner=False)
    shown = {str(sample.file): None for sample in project.samples[1]}
    lost = [file for file in shown if "synthetic" in file or "two" in file]
    objects = {}
    for file in lost:
        digest = hashlib.md5(project.bytes_of[file]).hexdigest()
        objects[file] = project.cache / "files" / "md5" / digest[:2] / digest[2:]
        objects[file].unlink()

    def export() -> None:
        contents = curated_set(project.repository, project.root, None, 1, ["train"])
        write_export(contents, "karpathy", tmp_path / "out")

    with pytest.raises(InputError) as refused:
        export()
    assert str(refused.value) == (
        "workspace: images that are not in DVC's cache; `dvc pull data/corpus "
        f"data/epochs/1/synthetic` brings them (2):\n  {lost[0]}\n  {lost[1]}"
    )
    for file, path in objects.items():
        path.write_bytes(project.bytes_of[file])
    objects[lost[1]].write_bytes(project.bytes_of[lost[0]])
    with pytest.raises(InputError, match="the file in DVC's cache is damaged"):
        export()
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.partial").exists()
