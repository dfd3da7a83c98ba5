"""The study's stages, one after the other, on images of which it is known what is wrong."""

import csv
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPModel, CLIPTokenizer

from caption_curation import paths
from caption_curation.captioner.model.captioner import load_captioner
from caption_curation.captioner.scoring import sample_losses
from caption_curation.config.corpora import DemoWorldSource, PlantedNoise, SplitSizes
from caption_curation.config.params import load_params
from caption_curation.demo_world.rendering import render
from caption_curation.demo_world.style import DEFAULT
from caption_curation.demo_world.world import make_world
from caption_curation.human_study.annotations.records import append, read
from caption_curation.human_study.parameters import load_human_study
from caption_curation.human_study.study.sets import AUTOMATIC, VERDICTS, read_study
from caption_curation.metrics.status import write_reason
from caption_curation.round_trip.items import drawn_position, one_file_each
from caption_curation.samples import read_images, samples_of, write_json_lines
from caption_curation.support.errors import InputError
from stages import human_study, round_trip
from stages.human_study import analysis, automatic, parameters, scores, sets
from tests.commands.console import fail, succeed
from tests.conftest import REPOSITORY
from tests.human_study.records import annotation
from tests.pipeline.clone import change

SETTINGS = Path("stages/human_study/params.yaml")
VARIANT = "generator-single"
ATTACK = "<script>alert('x')</script> $\\frac{1$"
COUNT = 12  # validation images; the background of every third is wrong
DEMO_MODELS = REPOSITORY / "data" / "demo_models"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which every stage ran once; the current one while the tests run."""
    root = tmp_path_factory.mktemp("human_study")
    before = Path.cwd()
    os.chdir(root)
    try:
        prepare(root)
        run_stages()
        yield root
    finally:
        os.chdir(before)


def prepare(root: Path) -> None:
    """What the study reads of the main line and of the round trip, with rendered images."""
    shutil.copy(REPOSITORY / "params.yaml", root)
    (root / "profiles").mkdir()
    shutil.copy(REPOSITORY / "profiles" / "demo.yaml", root / "profiles")
    for name in ("human_study", "round_trip"):
        (root / "stages" / name).mkdir(parents=True)
        shutil.copy(REPOSITORY / "stages" / name / "params.yaml", root / "stages" / name)
    captioner = str(DEMO_MODELS / "captioner")
    change(SETTINGS, {"images_per_group": 4, "sets": 2, "captioner": captioner})

    source = DemoWorldSource(
        source="demo_world",
        seed=1,
        image_size=32,
        images=SplitSizes(train=1, val=COUNT, test=1),
        noise=PlantedNoise(wrong_caption=0, mismatched_image=0, long_caption=0),
    )
    world = make_world(source, DEFAULT, ["val"])
    write_json_lines(paths.CORPUS / "val.jsonl", world.corpus(["val"]).splits["val"])
    write_json_lines(paths.GROUND_TRUTH / "scenes.jsonl", world.scene_records())
    folder = round_trip.images_folder(VARIANT)
    folder.mkdir(parents=True)
    index = []
    for position, image in enumerate(world.images):
        shown = image.scene
        if position % 3 == 0:
            others = [name for name in DEFAULT.backgrounds if name != shown.background]
            shown = replace(shown, background=others[0])
        render(shown, DEFAULT, 32).save(folder / f"key{position}.jpg", quality=95, subsampling=0)
        # As if every caption had given an image: those of the others must never be looked at.
        drawn = drawn_position(image.image_id, len(image.captions))
        index += [
            {
                "item_id": f"{image.image_id}#{number}",
                "image_id": image.image_id,
                "key": f"key{position}" if number == drawn else "missing",
            }
            for number in range(len(image.captions))
        ]
    write_json_lines(folder / "index.jsonl", index)
    shutil.copytree(DEMO_MODELS / "clip", paths.CLIP)
    write_reason(paths.CLIP, None)


def run_stages() -> None:
    parameters.main()
    scores.main()
    sets.main()
    automatic.main()
    analysis.main()


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open() as lines:
        return list(csv.DictReader(lines))


def losses() -> dict[str, dict[str, Any]]:
    entries = json.loads(human_study.LOSSES.read_text())
    return {entry["image_id"]: entry for entry in entries}


def test_the_loss_is_the_mean_over_the_references(finished: Path) -> None:
    image = read_images(paths.CORPUS / "val.jsonl")[5]
    params = load_params()
    section = params.profile.captioner
    samples = samples_of([image])
    file = one_file_each(round_trip.images_folder(VARIANT))[image.image_id]
    by_reference = [
        loss.loss_sum / loss.tokens
        for loss in sample_losses(
            load_captioner(DEMO_MODELS / "captioner", section.image_size, torch.device("cpu")),
            samples,
            {sample.sample_id: file for sample in samples},
            prompt=params.experiment.training.prompt,
            max_tokens=section.fine_tuning.max_tokens,
            label_smoothing=0.1,
            batch_size=1,
        )
    ]
    assert len(by_reference) == 5
    assert len(losses()) == COUNT
    assert losses()[image.image_id]["loss"] == pytest.approx(np.mean(by_reference), rel=1e-4)


def test_the_clipscore_is_the_mean_over_the_references(finished: Path) -> None:
    image = read_images(paths.CORPUS / "val.jsonl")[5]
    model = CLIPModel.from_pretrained(paths.CLIP, dtype=torch.float32).eval()
    tokenizer = CLIPTokenizer.from_pretrained(paths.CLIP)
    settings = json.loads((paths.CLIP / "preprocessor_config.json").read_text())
    with Image.open(one_file_each(round_trip.images_folder(VARIANT))[image.image_id]) as picture:
        pixels = np.asarray(picture.convert("RGB"), np.float32) / 255
    pixels = (pixels - settings["image_mean"]) / settings["image_std"]
    with torch.inference_mode():
        inputs = torch.tensor(pixels.transpose(2, 0, 1)[None], dtype=torch.float32)
        shown = model.get_image_features(pixel_values=inputs).pooler_output[0]
        cosines = [
            torch.cosine_similarity(
                shown,
                model.get_text_features(
                    **tokenizer(f"A photo depicts {text}", return_tensors="pt")
                ).pooler_output[0],
                dim=0,
            ).item()
            for text in image.captions
        ]
    expected = np.mean([2.5 * max(cosine, 0) for cosine in cosines])
    assert losses()[image.image_id]["clipscore"] == pytest.approx(expected, rel=1e-3)


def test_the_sets_are_split_by_these_losses(finished: Path) -> None:
    ordered = sorted(losses(), key=lambda image_id: losses()[image_id]["loss"])
    low, high = ordered[:4], ordered[-4:]
    assert json.loads((paths.HUMAN_STUDY / "sets.json").read_text()) == [
        [*low[:2], *high[:2]],
        [*low[2:], *high[2:]],
    ]


def test_automatic_annotators_know_what_was_planted(finished: Path) -> None:
    planted = {
        image.image_id: ["general/scene_event_location"] if position % 3 == 0 else []
        for position, image in enumerate(read_images(paths.CORPUS / "val.jsonl"))
    }
    verdicts = {
        record["image_id"]: record["categories"]
        for record in map(json.loads, (paths.HUMAN_STUDY / VERDICTS).read_text().splitlines())
    }
    sets = json.loads((paths.HUMAN_STUDY / "sets.json").read_text())
    assert set(verdicts) == {image_id for of_set in sets for image_id in of_set}
    assert verdicts == {image_id: planted[image_id] for image_id in verdicts}
    assert any(verdicts.values())
    for number in (1, 2, 3):
        file = paths.HUMAN_STUDY / AUTOMATIC / f"automatic-{number}.jsonl"
        annotations, problems = read(file)
        assert len(annotations) == 8
        assert problems == []


def test_the_report_says_that_nobody_looked(finished: Path) -> None:
    page = (paths.HUMAN_STUDY_REPORT / "index.html").read_text()
    assert "These annotations are automatic." in page
    assert "Is a high loss a sign of a wrong image?" in page
    for name in ("figure_9a", "figure_9b", "figure_10"):
        svg = (paths.HUMAN_STUDY_REPORT / f"{name}.svg").read_text()
        assert "3 automatic annotators" in svg
        with Image.open(paths.HUMAN_STUDY_REPORT / f"{name}.png") as picture:
            assert min(picture.size) > 200
    assert [row["annotator"] for row in rows(paths.HUMAN_STUDY_REPORT, "annotators")] == [
        "automatic-1",
        "automatic-2",
        "automatic-3",
    ]
    assert rows(paths.HUMAN_STUDY_REPORT, "annotations_per_image")[-1] == {
        "annotations": "3",
        "images": "8",
    }
    assert len(rows(paths.HUMAN_STUDY_REPORT, "images")) == 8
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)  # it needs nothing but itself


def test_the_same_inputs_give_the_same_bytes(finished: Path) -> None:
    folders = [paths.HUMAN_STUDY_REPORT, paths.HUMAN_STUDY / AUTOMATIC]
    before = {file: file.read_bytes() for folder in folders for file in folder.iterdir()}
    automatic.main()
    analysis.main()
    assert {file: file.read_bytes() for file in before} == before


def test_people_replace_programs_and_what_they_write_is_text(
    finished: Path, tmp_path: Path
) -> None:
    study = tmp_path / "study"
    shutil.copytree(paths.HUMAN_STUDY, study)
    manifest = json.loads((study / "manifest.json").read_text())
    chosen = [image["image_id"] for image in manifest["images"] if image["set"] == 1]
    page_file = study / "sets" / "set_1" / "page.json"
    content = json.loads(page_file.read_text())
    for image in content["images"]:
        image["references"] = [ATTACK]
    page_file.write_text(json.dumps(content))
    for code in ("anna", "ben", "cleo"):
        for image_id in chosen[:3]:
            marks = ("people/age", "general/text") if code != "cleo" else ()
            made = annotation(image_id, code, *marks, comment=ATTACK)
            append(study / "annotations" / f"{code}.jsonl", made)
    with (study / "annotations" / "ben.jsonl").open("a") as lines:
        lines.write('{"set": 1, "image_id": "torn')

    told = succeed("human-study", "analyse", "--study", study, "--out", tmp_path / "report")
    assert "ben.jsonl, line 4: not used, set aside" in told
    assert "3 of 8 images are kept" in told
    page = (tmp_path / "report" / "index.html").read_text()
    assert "are automatic" not in page
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert") >= 3 + 9  # references of cards, comments
    assert "line 4: not used" in page
    categories = {row["category"]: row for row in rows(tmp_path / "report", "categories")}
    assert categories["people/age"]["annotations"] == "6"
    assert categories["no_error"]["annotations"] == "3"
    images = rows(tmp_path / "report", "images")
    assert [float(row["mean_errors"]) for row in images] == pytest.approx([4 / 3] * 3)
    assert {row["marked_by_2"] for row in images} == {"people/age general/text"}


def test_other_peoples_images_need_no_clip_and_no_pipeline(finished: Path, tmp_path: Path) -> None:
    for number in range(4):
        Image.new("RGB", (300, 200), "teal").save(tmp_path / f"{number}.png")
    entries = [{"image_id": number, "loss": number / 2} for number in range(4)]
    (tmp_path / "losses.json").write_text(json.dumps(entries))
    references = {
        "images": [{"id": number} for number in range(4)],
        "annotations": [{"image_id": number, "caption": "a wall"} for number in range(4)],
    }
    (tmp_path / "references.json").write_text(json.dumps(references))
    study, report = tmp_path / "study", tmp_path / "report"
    succeed(
        *("human-study", "build", "--losses", tmp_path / "losses.json", "--out", study),
        *("--images", tmp_path, "--references", tmp_path / "references.json"),
        *("--images-per-group", "2", "--sets", "1"),
    )
    analyse = ["human-study", "analyse", "--study", study, "--out"]
    assert "nobody has annotated yet" in fail(*analyse, report)
    for code in ("anna", "ben", "cleo"):  # nobody finds anything: nothing can be correlated
        for number in range(4):
            append(study / "annotations" / f"{code}.jsonl", annotation(str(number), code))
    succeed(*analyse, report)
    page = (report / "index.html").read_text()
    assert "There is no CLIPScore to compare it with." in page
    assert "Is a high loss a sign" not in page
    assert page.count("marks nothing") == 3
    assert rows(report, "correlations") == [
        {"of": "loss and mean errors", "spearman_rho": "", "n": "4", "low": "", "high": ""}
    ]
    assert "no report of a human study" in fail(*analyse, study)


def test_a_real_corpus_has_no_automatic_annotations(
    finished: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    (paths.GROUND_TRUTH / "scenes.jsonl").write_text("")
    automatic.main()
    assert list((paths.HUMAN_STUDY / AUTOMATIC).iterdir()) == []
    with pytest.raises(InputError, match="nobody has annotated yet"):
        analysis.main()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("images_per_group", 50, "two groups need 100 images, and the validation split has 12"),
        ("images_per_group", 5, "must be a multiple of sets"),
        ("variant", "generator-triple", "variant = 'generator-triple'"),
        (
            "variant",
            "sd_2_0-single",
            "asks for base_generator-single, base_generator-concat",
        ),
        ("captioner", "data/nowhere", "captioner = 'data/nowhere': there is no such folder"),
        ("automatic.annotators", {"a b": {"miss": 0.1, "false_alarm": 0.1}}, "letters"),
        ("automatic.annotators", {"a": {"miss": 1.1, "false_alarm": 0.1}}, "a.miss = 1.1"),
        ("sets", 0, "sets = 0"),
    ],
)
def test_wrong_parameters_stop_before_any_work(
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    value: Any,
    message: str,
) -> None:
    for name in ("stages", "profiles"):
        shutil.copytree(finished / name, tmp_path / name)
    shutil.copy(finished / "params.yaml", tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / paths.CORPUS).symlink_to(finished / paths.CORPUS)
    monkeypatch.chdir(tmp_path)
    change(SETTINGS, {key: value})
    with pytest.raises(InputError) as error:
        parameters.main()
    assert message in str(error.value)
    assert "stages/human_study/params.yaml" in str(error.value)
    assert not human_study.CHECKED.exists()


def test_the_papers_loss_and_references(
    finished: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The values that the documentation gives for the paper, but for models and images."""
    page = (REPOSITORY / "docs/how-to/human-study.md").read_text()
    values = dict(re.findall(rf"-S {SETTINGS}:(\w+)=(\S+)", page))
    assert values.keys() == {"variant", "captioner", "loss", "references_shown"}
    shutil.copytree(finished, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    change(SETTINGS, values)
    assert load_human_study().variant == "generator-concat_styler"
    change(SETTINGS, {"variant": VARIANT, "captioner": str(DEMO_MODELS / "captioner")})
    scores.main()
    sets.main()

    unit, images = read_study(paths.HUMAN_STUDY)
    assert unit == "nats per caption"
    corpus = {image.image_id: image for image in read_images(paths.CORPUS / "val.jsonl")}
    assert all(shown.references == corpus[shown.image_id].captions for shown in images)
    params = load_params()
    section = params.profile.captioner
    samples = samples_of([corpus[images[-1].image_id]])
    shown_file = one_file_each(round_trip.images_folder(VARIANT))[images[-1].image_id]
    expected = sample_losses(
        load_captioner(DEMO_MODELS / "captioner", section.image_size, torch.device("cpu")),
        samples,
        {sample.sample_id: shown_file for sample in samples},
        prompt=params.experiment.training.prompt,
        max_tokens=section.fine_tuning.max_tokens,
        label_smoothing=params.experiment.training.label_smoothing,
        batch_size=1,
    )
    smoothed = np.array([loss.loss_sum_smoothed for loss in expected], dtype=float)
    assert images[-1].loss == pytest.approx(smoothed.mean(), rel=1e-4)
    assert (smoothed != [loss.loss_sum for loss in expected]).all()
