"""What holds of every kind of corpus: the documentation's profiles, what is asked before a run."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from caption_curation.config.inputs import check_inputs
from caption_curation.config.params import load_params
from caption_curation.experiments.planning.corpus_size import planned_corpus
from caption_curation.support.errors import InputError
from caption_curation.support.sections import InvalidParams
from tests.commands.console import console
from tests.conftest import REPOSITORY, set_inputs
from tests.corpora.forms import (
    as_source,
    documented,
    documented_sections,
    write_picture,
)
from tests.corpora.hub_server import serve_data_set
from tests.corpora.test_corpus_stage import build, workspace
from tests.corpora.test_image_folder import write_metadata
from tests.corpora.test_parquet import content, write_table
from tests.corpora.test_webdataset import write_tar

KINDS = {"csv", "image_folder", "coco", "webdataset", "parquet", "hub"}


def project(root: Path, data: dict[str, Any], **inputs: Path | None) -> Path:
    """A folder with the demo's profile and another corpus, and all that its inputs name."""
    workspace(root, data=data)
    (root / "defaults").symlink_to(REPOSITORY / "defaults")
    (root / "data").mkdir(exist_ok=True)
    (root / "data/demo_models").symlink_to(REPOSITORY / "data/demo_models")
    set_inputs(root, **inputs)
    return root


def corpora(root: Path) -> list[tuple[dict[str, Any], Path, Path | None]]:
    """Some corpora of 30 images with two captions each: section, annotations, images."""
    names = [f"{number}.jpg" for number in range(30)]
    for seed, name in enumerate(names):
        write_picture(root / "images" / name, seed)
    rows = [{"image": name, "caption": f"{text} {name}"} for name in names for text in ("a", "the")]
    write_metadata(root / "captions.csv", rows)
    (root / "captions.csv").rename(root / "captions.txt")
    named = [{"file_name": row["image"], "caption": row["caption"]} for row in rows]
    write_metadata(root / "photos/metadata.jsonl", named)
    shutil.copytree(root / "images", root / "photos", dirs_exist_ok=True)
    members: list[tuple[str, bytes | str]] = []
    table = []
    for seed, name in enumerate(names):
        record = {"caption": [f"a {name}", f"the {name}"]}
        members += [(name, content(root, seed)), (f"{seed}.json", json.dumps(record))]
        table.append({"image": content(root, seed), **record})
    write_tar(root / "shards/all.tar", members)
    write_table(root / "data/all.parquet", table)
    splits = {"splits": {"val": 0.2, "test": 0.2}}
    shards, parquet = documented("shards"), documented("data")
    nothing = dict.fromkeys(("file_name", "licence", "author", "source_url"))
    return [
        (documented("captions.txt") | splits, root / "captions.txt", root / "images"),
        (documented("photos") | splits, root / "photos", None),
        (
            shards | splits | {"columns": shards["columns"] | {"caption": "caption"}},
            root / "shards",
            None,
        ),
        (parquet | splits | {"columns": parquet["columns"] | nothing}, root / "data", None),
    ]


def test_every_documented_section_is_valid() -> None:
    sections = documented_sections()
    assert {each["source"] for each in sections} == KINDS
    for each in sections:
        assert as_source(each).source == each["source"]


def test_plan_and_check_downloads_know_every_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They count what the stage reads; a picture that is damaged is found where one asks for it."""
    for number, (data, annotations, images) in enumerate(corpora(tmp_path)):
        root = project(tmp_path / f"work{number}", data, annotations=annotations, images=images)
        monkeypatch.chdir(root)
        params = load_params()
        check_inputs(params)
        planned = planned_corpus(params)
        assert planned.training is not None
        assert planned.samples == 2 * len(planned.training)
        assert planned.val and planned.test
        assert len(planned.training) + planned.val + planned.test == 30
        printed = console("check-downloads", "--profile", "demo", "--decode")
        assert printed.status == 0, printed.err
        row = ["train", "-", *[str(len(planned.training))] * 2, "0", "0"]
        assert row in [line.split() for line in printed.out.splitlines()]
        if number == 0:
            assert f"train: {len(planned.training)} images" in build(root, "data")
    (tmp_path / "images/3.jpg").write_bytes(b"damaged")
    (tmp_path / "images/4.jpg").unlink()
    monkeypatch.chdir(tmp_path / "work0")
    printed = console("check-downloads", "--profile", "demo")
    assert printed.status == 1
    assert "images missing in" in printed.err and "images unreadable in" in printed.err


@pytest.mark.parametrize("download", [True, False])
def test_nothing_is_downloaded_before_a_run(tmp_path: Path, download: bool) -> None:
    """In a process of its own: where the hub's cache is, the library reads once."""
    hub = next(each for each in documented_sections() if each["source"] == "hub")
    root = project(tmp_path / "work", hub | {"download": download})
    asked = list[str]()
    with serve_data_set(tmp_path / "nothing", "someone/else", "0" * 40, asked) as endpoint:
        ended = subprocess.run(
            [sys.executable, "-m", "caption_curation", "check-downloads", "--profile", "demo"],
            cwd=root,
            env=os.environ | {"HF_HOME": str(tmp_path / "cache"), "HF_ENDPOINT": endpoint},
            capture_output=True,
            text=True,
            check=False,
        )
    assert asked == []
    if download:
        assert ended.returncode == 0, ended.stderr
        assert "someone/pictures on the hub, which a stage downloads" in ended.stdout
    else:
        assert ended.returncode == 1
        assert "not in the local cache" in ended.stderr


@pytest.mark.parametrize(
    ("source", "path", "part"),
    [
        ("captions.txt", "train.tar", "data.source = csv does not read .tar; webdataset does"),
        ("photos", "captions.json", "image_folder does not read .json; karpathy or coco does"),
        ("shards", "photos", "asks for shards (data.annotations)"),
        ("karpathy", "photos", "karpathy does not read a folder; coco or csv or image_folder"),
        ("captions.txt", "gone.txt", "there is no such file or folder"),
    ],
)
def test_inputs_of_another_form_are_told_before_anything_runs(
    tmp_path: Path, source: str, path: str, part: str
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "train.tar").touch()
    (tmp_path / "captions.json").touch()
    data = {"source": "karpathy", "annotations": "x.json", "revision": 0}
    data |= {"seed": 0, "train_fraction": 1.0, "on_leak": "warn"}
    if source != "karpathy":
        data = documented(source)
    root = project(tmp_path / "work", data, annotations=tmp_path / path, images=None)
    with pytest.raises(InputError) as refused:
        check_inputs(load_params(root), root)
    assert part in str(refused.value)
    if data["source"] in ("csv", "karpathy"):
        key = "inputs.images = None: data.source ="
        assert f"{key} {data['source']} needs the folder of images" in str(refused.value)


def test_the_extra_is_asked_for_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where libraries are not found, as where only requirements.txt was installed."""
    hub = next(each for each in documented_sections() if each["source"] == "hub")
    root = project(tmp_path / "work", hub)
    check_inputs(load_params(root), root)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if "site-packages" not in path])
    for name in ("datasets", "pyarrow", "webdataset"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(InputError) as refused:
        check_inputs(load_params(root), root)
    assert "data.source = hub: needs datasets, pyarrow, webdataset" in str(refused.value)
    assert "pip install -r requirements-data.txt" in str(refused.value)


@pytest.mark.parametrize(
    ("source", "change", "part"),
    [
        ("captions.txt", {"splits": "random"}, "data.splits = 'random': Input should be 'given'"),
        ("captions.txt", {"splits": {"val": 0.5, "test": 0.5}}, "must be below 1"),
        ("captions.txt", {"splits": {"val": "x", "test": 0.5}}, "data.splits.val = 'x'"),
        ("captions.txt", {"splits": {"val": 0.5}}, "data.splits.test: missing key"),
        ("captions.txt", {"delimiter": "||"}, "data.delimiter = '||'"),
        ("captions.txt", {"delimiter": '"'}, "must be another character than quote"),
        ("annotations", {"splits": {"train": "a.json", "val": None}}, "splits.test: missing key"),
        ("annotations", {"splits": {"karpathy": "../a.json"}}, "data.splits.karpathy"),
    ],
)
def test_what_a_profile_may_not_say(
    tmp_path: Path, source: str, change: dict[str, Any], part: str
) -> None:
    root = project(tmp_path / "work", documented(source) | change)
    with pytest.raises(InvalidParams) as refused:
        load_params(root)
    assert part in str(refused.value)
    assert len(str(refused.value).splitlines()) == 2  # one fault, one line
