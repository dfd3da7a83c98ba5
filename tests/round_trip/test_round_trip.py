"""The round trip's stages, one after the other, on tiny models and six images of the demo world."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from transformers import CLIPTokenizer

from caption_curation import paths
from caption_curation.coco_format import read_results
from caption_curation.metrics.coco.scores import score_captions
from caption_curation.reports.page.statistics import fraction_interval, rank_correlation
from caption_curation.reports.round_trip.tracking import image_correlation, right_fractions
from caption_curation.round_trip.variants import GENERATORS, PROMPTS, REAL, VARIANTS
from caption_curation.samples import read_images, read_json_lines, write_json_lines
from caption_curation.support.errors import InputError
from stages import (
    base_captioner,
    base_generator,
    corpus,
    finetune_generator,
    round_trip,
    sbert_captions,
)
from stages.round_trip import captions, evaluate, images, parameters, prompts, report
from tests.conftest import REPOSITORY
from tests.pipeline.clone import TINY_PROFILE, change

SETTINGS = Path("stages/round_trip/params.yaml")
ATTACK = "<script>alert('caption')</script>"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which every stage ran once; the current one while the tests run."""
    root = tmp_path_factory.mktemp("round_trip")
    before = Path.cwd()
    os.chdir(root)
    try:
        subprocess.run(
            [sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], check=True, cwd=root
        )
        prepare(root)
        run_round_trip()
        yield root
    finally:
        os.chdir(before)


def prepare(root: Path) -> None:
    """The main line's outputs that the round trip reads, made by the main line's stages."""
    shutil.copy(REPOSITORY / "params.yaml", root)
    (root / "profiles").mkdir()
    (root / "profiles" / "tiny.yaml").write_text(yaml.safe_dump(TINY_PROFILE))
    change(root / "params.yaml", {"profile": "tiny", "synthesis.steps": 2})
    SETTINGS.parent.mkdir(parents=True)
    shutil.copy(REPOSITORY / SETTINGS, SETTINGS)
    change(SETTINGS, {"captioner": str(paths.captioner(0))})
    (root / "data").mkdir()
    (root / "data" / "demo_models").symlink_to(REPOSITORY / "data" / "demo_models")
    corpus.main("data")
    corpus.main("generator_data")
    base_captioner.main()
    base_generator.main()
    finetune_generator.main()


def run_round_trip() -> None:
    parameters.main()
    sbert_captions.main("val")
    prompts.main()
    for variant in VARIANTS:
        images.main(variant.generator, variant.prompt)
        captions.main(variant.name)
    captions.main(REAL)
    evaluate.main()
    report.main()


def test_all_eight_variants_have_an_image_of_every_validation_image(finished: Path) -> None:
    validation = read_images(paths.CORPUS / "val.jsonl")
    assert len(VARIANTS) == len({variant.name for variant in VARIANTS}) == 8
    keys = set()
    for variant in VARIANTS:
        index = read_json_lines(round_trip.images_folder(variant.name) / "index.jsonl")
        assert [line["image_id"] for line in index] == [image.image_id for image in validation]
        keys |= {line["key"] for line in index}
        for file in round_trip.image_files(variant.name).values():
            with Image.open(file) as image:
                assert image.size == (32, 32)
    assert len(keys) == 8 * len(validation)


def test_the_prompts_are_those_of_table_1(finished: Path) -> None:
    read = {
        kind: {
            line["image_id"]: line["prompt"]
            for line in read_json_lines(round_trip.PROMPTS / f"{kind}.jsonl")
        }
        for kind in PROMPTS
    }
    for image in read_images(paths.CORPUS / "val.jsonl"):
        image_id = image.image_id
        assert read["single"][image_id] == image.captions[0]
        assert read["concat"][image_id] == ". ".join(image.captions)
        assert read["concat_styler"][image_id] == ". ".join(image.captions) + " a drawing"
        assert read["sbert_styler"][image_id] in [f"{text} a drawing" for text in image.captions]


def test_both_generators_begin_with_the_same_noise(finished: Path) -> None:
    base, fine_tuned = (
        read_json_lines(round_trip.images_folder(f"{generator}-concat") / "index.jsonl")
        for generator in GENERATORS
    )
    for by_base, by_fine_tuned in zip(base, fine_tuned, strict=True):
        for field in ("prompt", "seed"):
            assert by_base[field] == by_fine_tuned[field]
        assert by_base["key"] != by_fine_tuned["key"]


def test_nothing_is_drawn_twice(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images.main("generator", "concat")
    assert "6 images: 0 generated, 6 reused" in capsys.readouterr().out


def test_every_metric_has_its_own_name_and_value(finished: Path) -> None:
    scores = json.loads((round_trip.EVALUATION / "scores.json").read_text())
    assert set(scores) == {REAL, *(variant.name for variant in VARIANTS)}
    references = {
        image.image_id: image.captions for image in read_images(paths.CORPUS / "val.jsonl")
    }
    name = "generator-sbert_styler"
    assert scores[name] == score_captions(read_results(round_trip.captions_file(name)), references)
    for name in scores:
        ciders = [
            record["cider"]
            for record in read_json_lines(round_trip.EVALUATION / "images.jsonl")
            if record["variant"] == name
        ]
        assert len(ciders) == 6
        assert np.mean(ciders) == pytest.approx(scores[name]["cider"])


def test_the_real_images_are_right(finished: Path) -> None:
    records = read_json_lines(round_trip.EVALUATION / "images.jsonl")
    assert len(records) == 9 * 6
    assert all(all(record["facts"].values()) for record in records if record["variant"] == REAL)
    # Generators that were trained for two steps generate nothing recognisable.
    assert not any(all(record["facts"].values()) for record in records if record["variant"] != REAL)


def test_the_page_is_whole_in_itself_and_the_same_each_time(finished: Path) -> None:
    names = {file.name for file in round_trip.REPORT.iterdir()}
    assert {"index.html", "variants.csv", "images.csv", "scores.png", "scores.svg"} <= names
    assert {"variants.png", "images.svg", "correlations.csv"} <= names
    before = {file.name: file.read_bytes() for file in round_trip.REPORT.iterdir()}
    page = before["index.html"].decode()
    assert not [
        uri
        for uri in re.findall(r'(?:src|href)="([^"]*)', page)
        if not uri.startswith(("data:", "#"))
    ]
    assert page.count("<img ") == 6 * 9
    assert "37.6 / 27.2" not in page  # it is of photographs
    report.main()
    assert {file.name: file.read_bytes() for file in round_trip.REPORT.iterdir()} == before


def test_the_tables_hold_the_scores_and_the_facts(finished: Path) -> None:
    scores = json.loads((round_trip.EVALUATION / "scores.json").read_text())
    rows = list(csv.DictReader((round_trip.REPORT / "variants.csv").open()))
    assert len(rows) == 9
    last_variant = scores["generator-sbert_styler"]
    assert (rows[7]["generator"], rows[7]["prompt"]) == ("fine-tuned", "SBERT's caption + styler")
    assert float(rows[7]["meteor"]) == last_variant["meteor"]
    assert (float(rows[7]["all_right"]), float(rows[8]["all_right"])) == (0, 1)
    assert len(list(csv.DictReader((round_trip.REPORT / "images.csv").open()))) == 54


@pytest.fixture
def changed(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished folder to spoil."""
    shutil.copytree(finished, tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def test_captions_and_prompts_are_text_and_never_markup(changed: Path) -> None:
    validation = read_json_lines(paths.CORPUS / "val.jsonl")
    records = read_json_lines(round_trip.EVALUATION / "images.jsonl")
    write_json_lines(
        paths.CORPUS / "val.jsonl", ({**record, "captions": [ATTACK]} for record in validation)
    )
    write_json_lines(
        round_trip.EVALUATION / "images.jsonl",
        ({**record, "caption": ATTACK} for record in records),
    )
    for kind in PROMPTS:
        file = round_trip.PROMPTS / f"{kind}.jsonl"
        write_json_lines(file, ({**record, "prompt": ATTACK} for record in read_json_lines(file)))
    change(SETTINGS, {"styler": ATTACK, "captioner": ATTACK})
    report.main()
    page = (round_trip.REPORT / "index.html").read_text()
    assert "<script" not in page
    # Of 6 images: the real one's captions, four prompts, and the captions of nine pictures.
    assert page.count("&lt;script&gt;") == 6 * (1 + 4 + 9) + 2


def test_without_ground_truth_that_part_is_absent_and_the_page_says_so(changed: Path) -> None:
    write_json_lines(paths.GROUND_TRUTH / "scenes.jsonl", [])
    assert evaluate.check_images([REAL]) == {}
    file = round_trip.EVALUATION / "images.jsonl"
    write_json_lines(file, ({**record, "facts": None} for record in read_json_lines(file)))
    shutil.copy("profiles/tiny.yaml", "profiles/coco.yaml")
    change(Path("params.yaml"), {"profile": "coco"})
    report.main()
    page = (round_trip.REPORT / "index.html").read_text()
    assert "cannot be said here" in page
    assert "Does the round trip know" not in page
    assert "all facts right" not in page
    assert not {"variants.svg", "correlations.csv"} & {
        file.name for file in round_trip.REPORT.iterdir()
    }
    # The paper's own upper bound, with the names that its numbers have elsewhere in the paper.
    assert "37.6 / 27.2 / 57.1" in page
    assert "METEOR and ROUGE-L of its Table 2" in re.sub(r"\s+", " ", page)


def test_prompts_that_are_too_long_are_cut_as_asked_and_counted(changed: Path) -> None:
    file = round_trip.PROMPTS / "concat_styler.jsonl"
    first, *others = read_json_lines(file)
    too_long = f"{'a red ring on white. ' * 30}a ring a drawing"
    write_json_lines(file, [{**first, "prompt": too_long}, *others])
    change(Path("params.yaml"), {"prompt.overflow": "keep_styler"})
    images.main("generator", "concat_styler")
    tokenizer = CLIPTokenizer.from_pretrained(paths.GENERATOR / "tokenizer")
    folder = round_trip.images_folder("generator-concat_styler")
    used = [record["prompt"] for record in read_json_lines(folder / "index.jsonl")]
    assert all(len(tokenizer(prompt).input_ids) <= 77 for prompt in used)
    assert all(prompt.endswith(" a drawing") for prompt in used)
    asked = [too_long, *(record["prompt"] for record in others)]
    cut = sum(len(tokenizer(prompt).input_ids) > 77 for prompt in asked)
    assert sum(prompt != other for prompt, other in zip(used, asked, strict=True)) == cut > 0
    report.main()
    page = re.sub(r"\s+", " ", (round_trip.REPORT / "index.html").read_text())
    assert (
        f"Fine-tuned, all captions + styler: {cut} of 6 prompts were longer than 77 tokens and "
        "were cut before the styler." in page
    )


def test_a_missing_captioner_is_reported_before_anything_is_generated(changed: Path) -> None:
    change(SETTINGS, {"captioner": "data/nowhere"})
    round_trip.CHECKED.unlink()
    with pytest.raises(InputError, match=r"captioner = 'data/nowhere'.*`dvc repro` makes"):
        parameters.main()
    assert not round_trip.CHECKED.exists()


def test_a_captioner_without_all_its_parts_is_refused(changed: Path) -> None:
    change(SETTINGS, {"captioner": "data/half"})
    Path("data/half").mkdir()
    with pytest.raises(InputError, match=r"data/half lacks parts(.|\n)*model\.safetensors"):
        parameters.main()


def test_a_captioner_that_the_pipeline_makes_may_come_later(changed: Path) -> None:
    # DVC makes it before anything is captioned; by hand, captioning says what is missing.
    change(SETTINGS, {"captioner": "data/epochs/3/best_captioner"})
    parameters.main()
    with pytest.raises(InputError, match=r"data/epochs/3/best_captioner.*`dvc repro` makes"):
        captions.main(REAL)


def test_a_missing_generator_is_said_with_what_makes_it(changed: Path) -> None:
    shutil.rmtree(paths.GENERATOR)
    with pytest.raises(InputError, match="`dvc repro finetune_generator` makes it"):
        images.main("generator", "single")


def test_all_faults_of_the_parameters_are_named(changed: Path) -> None:
    SETTINGS.write_text("captioner: 3\nstile: a drawing\n")
    with pytest.raises(InputError) as caught:
        parameters.main()
    for fault in ("captioner = 3", "styler: missing key", "stile: unknown key"):
        assert fault in str(caught.value)


def ranks(values: list[float]) -> list[float]:
    """The mean place of each value, equal ones sharing it: from the definition, by counting."""
    return [
        sum(other < value for other in values) + (values.count(value) + 1) / 2 for value in values
    ]


def test_rank_correlation_is_spearmans_with_ties() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 5, size=40).astype(float).tolist()
    second = (np.array(first) + rng.normal(0, 2, size=40)).round().tolist()
    expected = np.corrcoef(ranks(first), ranks(second))[0, 1]
    assert rank_correlation(first, second).value == pytest.approx(expected)
    assert rank_correlation([1, 2, 3, 4], [1, 8, 27, 64]).value == pytest.approx(1)
    assert rank_correlation([1, 1, 1], [1, 2, 3]).value is None


def test_the_interval_of_images_resamples_scenes_not_images() -> None:
    # All variants of a scene are alike, so there are only as many independent images as scenes:
    # the interval must be that of one variant, not narrower by the number of variants.
    rng = np.random.default_rng(0)
    right = rng.integers(0, 6, size=(1, 60))
    ciders = right + rng.normal(0, 3, size=(1, 60))
    single = image_correlation(ciders, right, np.random.default_rng(1))
    eight = image_correlation(
        np.repeat(ciders, 8, axis=0), np.repeat(right, 8, axis=0), np.random.default_rng(1)
    )
    assert (single.n, eight.n) == (60, 480)
    assert single.interval is not None
    assert eight.interval == pytest.approx(single.interval, abs=1e-9)
    assert single.value is not None
    assert single.interval[0] < single.value < single.interval[1]


def test_fractions_of_right_images() -> None:
    facts = [{"count": True, "colours": True}, {"count": True, "colours": False}]
    assert right_fractions(facts) == {"count": 1.0, "colours": 0.5, "all": 0.5}
    # Wilson's interval by its formula, for 80 of 100.
    z, p, n = 1.959964, 0.8, 100
    centre, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    expected = [(centre + sign * half) / (1 + z * z / n) for sign in (-1, 1)]
    assert fraction_interval(80, 100) == pytest.approx(expected, abs=1e-6)
