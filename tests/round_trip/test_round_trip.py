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
import torch
import yaml
from PIL import Image
from transformers import CLIPTokenizer

from caption_curation import paths
from caption_curation.captioner.bases.blip_checkpoint import convert_checkpoint
from caption_curation.captioner.captioning import generate_captions
from caption_curation.captioner.model.captioner import load_captioner
from caption_curation.coco_format import read_results
from caption_curation.config.params import load_params
from caption_curation.metrics.coco.ptb_tokenizer import ptb_tokenize
from caption_curation.metrics.coco.scores import CaptionedSplit, score_captions
from caption_curation.metrics.image_cider import image_ciders
from caption_curation.reports.page.statistics import fraction_interval, rank_correlation
from caption_curation.reports.round_trip.tracking import (
    image_correlation,
    right_fractions,
    right_interval,
)
from caption_curation.round_trip.items import drawn_position, one_file_each, one_of_each
from caption_curation.round_trip.parameters import OTHER_CAPTIONER
from caption_curation.round_trip.scoring import score_variants
from caption_curation.round_trip.variants import OURS, PROMPTS, REAL, Grid, Variant
from caption_curation.samples import read_images, read_json_lines, write_json_lines
from caption_curation.support.errors import InputError
from stages import (
    base_captioner,
    base_generator,
    corpus,
    families,
    finetune_generator,
    generator_latents,
    round_trip,
    sbert_captions,
)
from stages.round_trip import (
    captions,
    evaluate,
    images,
    other_captioner,
    parameters,
    prompts,
    recipe,
    report,
)
from tests.captioner import test_blip_checkpoint as blip
from tests.conftest import REPOSITORY, set_inputs
from tests.pipeline.clone import TINY_PROFILE, change

SETTINGS = Path("stages/round_trip/params.yaml")
CHOSEN = Grid(["base_generator", "generator"], list(PROMPTS)).variants  # as in the demo
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
    (root / "src").symlink_to(REPOSITORY / "src")  # the digests of families are taken of it
    (root / "data").mkdir()
    (root / "data" / "demo_models").symlink_to(REPOSITORY / "data" / "demo_models")
    corpus.main("data")
    corpus.main("generator_data")
    base_captioner.main()
    base_generator.main()
    families.main()
    generator_latents.main()
    finetune_generator.main()


def run_round_trip() -> None:
    parameters.main()
    sbert_captions.main("val")
    prompts.main()
    for generator in OURS:
        recipe.main(generator)
    for variant in CHOSEN:
        images.main(variant.generator, variant.prompt)
        captions.main(variant.name)
    captions.main(REAL)
    evaluate.main()
    report.main()


def items_of(variant: Variant) -> list[tuple[str, str]]:
    """Item and image id of every image that a variant must have, from the corpus itself."""
    validation = read_images(paths.CORPUS / "val.jsonl")
    if variant.prompt != "single":
        return [(image.image_id, image.image_id) for image in validation]
    return [
        (f"{image.image_id}#{position}", image.image_id)
        for image in validation
        for position in range(len(image.captions))
    ]


def test_every_variant_has_an_image_of_every_validation_image_or_caption(finished: Path) -> None:
    assert len(CHOSEN) == len({variant.name for variant in CHOSEN}) == 8
    keys = set()
    for variant in CHOSEN:
        index = read_json_lines(round_trip.images_folder(variant.name) / "index.jsonl")
        assert [(line["item_id"], line["image_id"]) for line in index] == items_of(variant)
        keys |= {(line["key"], line["prompt"]) for line in index}
        files = round_trip.image_files(variant.name)
        assert list(files) == [item_id for item_id, _ in items_of(variant)]
        for file in files.values():
            with Image.open(file) as image:
                assert image.size == (32, 32)
    # Six images: thirty of single captions, and three of six for each of two generators.
    assert sum(len(items_of(variant)) for variant in CHOSEN) == 2 * (30 + 3 * 6)
    assert len(keys) == len({key for key, _ in keys})


def test_the_prompts_are_those_of_table_1(finished: Path) -> None:
    read = {
        kind: {
            line["item_id"]: line["prompt"]
            for line in read_json_lines(round_trip.PROMPTS / f"{kind}.jsonl")
        }
        for kind in PROMPTS
    }
    for image in read_images(paths.CORPUS / "val.jsonl"):
        image_id = image.image_id
        for position, caption in enumerate(image.captions):
            assert read["single"][f"{image_id}#{position}"] == caption
        assert read["concat"][image_id] == ". ".join(image.captions)
        assert read["concat_styler"][image_id] == ". ".join(image.captions) + " a drawing"
        assert read["sbert_styler"][image_id] in [f"{text} a drawing" for text in image.captions]


def test_one_caption_may_be_drawn_instead_and_is_what_the_human_study_takes(
    changed: Path,
) -> None:
    every = read_json_lines(round_trip.PROMPTS / "single.jsonl")
    files = one_file_each(round_trip.images_folder("generator-single"))
    change(SETTINGS, {"single": "random"})
    prompts.main()
    drawn = read_json_lines(round_trip.PROMPTS / "single.jsonl")
    validation = read_images(paths.CORPUS / "val.jsonl")
    assert [line["item_id"] for line in drawn] == [image.image_id for image in validation]
    positions = {
        image.captions.index(line["prompt"]) for image, line in zip(validation, drawn, strict=True)
    }
    assert len(positions) > 1  # neither always the first nor always the longest
    index = read_json_lines(round_trip.images_folder("generator-single") / "index.jsonl")
    prompt_of = {line["key"]: line["prompt"] for line in index}
    for line in drawn:
        [same] = [other for other in every if one_of_each(every)[line["image_id"]] == other]
        assert same["prompt"] == line["prompt"] == prompt_of[files[line["image_id"]].stem]
    images.main("generator", "single")
    assert list(round_trip.image_files("generator-single")) == [line["image_id"] for line in drawn]


def test_a_caption_is_drawn_uniformly() -> None:
    counts = np.bincount([drawn_position(str(number), 5) for number in range(2000)], minlength=5)
    assert counts.min() > 340 and counts.max() < 460  # 400 ± 3.3 standard deviations


def test_both_generators_begin_with_the_same_noise(finished: Path) -> None:
    base, fine_tuned = (
        read_json_lines(round_trip.images_folder(f"{generator}-concat") / "index.jsonl")
        for generator in ("base_generator", "generator")
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
    assert set(scores) == {REAL, *(variant.name for variant in CHOSEN)}
    references = {
        image.image_id: image.captions for image in read_images(paths.CORPUS / "val.jsonl")
    }
    name = "generator-sbert_styler"
    expected = score_captions(read_results(round_trip.captions_file(name)), references)
    assert scores[name] == pytest.approx(expected)
    for name in scores:
        ciders = [
            record["cider"]
            for record in read_json_lines(round_trip.EVALUATION / "images.jsonl")
            if record["variant"] == name
        ]
        assert len(ciders) == (30 if name.endswith("-single") else 6)
        assert np.mean(ciders) == pytest.approx(scores[name]["cider"])


def test_images_of_single_captions_are_scored_as_images_of_their_own(finished: Path) -> None:
    """Against scores that know nothing of items: corpora of one image for each original."""
    name = "base_generator-single"
    scores = json.loads((round_trip.EVALUATION / "scores.json").read_text())[name]
    captions = read_results(round_trip.captions_file(name))
    originals = read_images(paths.CORPUS / "val.jsonl")
    by_position = [
        score_captions(
            {image.image_id: captions[f"{image.image_id}#{position}"] for image in originals},
            {image.image_id: image.captions for image in originals},
        )
        for position in range(5)
    ]
    # Means over images are means over positions, each of which has as many images.
    for metric in ("cider", "rouge_l"):
        assert scores[metric] == pytest.approx(np.mean([one[metric] for one in by_position]))
    # BLEU is of all 30 captions as one corpus, which no mean of parts gives.
    matches = length = closest = 0
    for image in originals:
        references = [text.split() for text in ptb_tokenize(list(image.captions))]
        found = ptb_tokenize([captions[f"{image.image_id}#{position}"] for position in range(5)])
        for words in map(str.split, found):
            matches += sum(
                min(words.count(word), max(one.count(word) for one in references))
                for word in set(words)
            )
            length += len(words)
            closest += min((abs(len(one) - len(words)), len(one)) for one in references)[1]
    penalty = 1 if length > closest else np.exp(1 - closest / length)
    assert scores["bleu_1"] == pytest.approx(penalty * matches / length)


def test_originals_with_different_numbers_of_captions_weigh_as_in_a_corpus_of_one_each() -> None:
    references = {"a": ["a red ring on white", "a ring"], "b": ["a blue bar on grey"]}
    captions = {"a#0": "a red ring", "a#1": "a green ring", "b#0": "a blue bar on green"}
    found = score_variants(
        {"few": captions}, {"few": {"a#0": "a", "a#1": "a", "b#0": "b"}}, references, "en"
    )["few"]
    for item_id in ("a#0", "a#1"):
        alone = image_ciders(
            [CaptionedSplit({"a": captions[item_id], "b": captions["b#0"]}, references)]
        )[0]
        assert found.ciders[item_id] == pytest.approx(alone["a"])
        assert found.ciders["b#0"] == pytest.approx(alone["b"])
    assert found.metrics["cider"] == pytest.approx(np.mean(list(found.ciders.values())))


def test_the_real_images_are_right(finished: Path) -> None:
    records = read_json_lines(round_trip.EVALUATION / "images.jsonl")
    assert len(records) == 2 * (30 + 3 * 6) + 6
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
    assert not [column for column in rows[0] if column.startswith("paper")]  # of photographs
    assert len(list(csv.DictReader((round_trip.REPORT / "images.csv").open()))) == 102


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
    assert evaluate.check_images({REAL: round_trip.image_ids(REAL)}) == {}
    file = round_trip.EVALUATION / "images.jsonl"
    write_json_lines(file, ({**record, "facts": None} for record in read_json_lines(file)))
    report.main()
    page = (round_trip.REPORT / "index.html").read_text()
    assert "cannot be said here" in page
    assert "Does the round trip show" not in page
    assert "all facts right" not in page
    assert not {"variants.svg", "correlations.csv"} & {
        file.name for file in round_trip.REPORT.iterdir()
    }


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
        recipe.main("generator")
    with pytest.raises(InputError, match=r"round_trip_models/dvc.yaml:generator@sd_2_0` makes it"):
        recipe.main("sd_2_0")
    with pytest.raises(InputError, match=r"other_generators\.sdxl: missing key; there are: sd_2_0"):
        recipe.main("sdxl")


def test_a_captioner_may_be_a_published_one(changed: Path) -> None:
    source = {"source": "local"}
    change(SETTINGS, {"captioner": str(OTHER_CAPTIONER), "other_captioner": source})
    parameters.main()
    other_captioner.main()
    captions.main("generator-concat")
    files = round_trip.image_files("generator-concat")
    params = load_params()
    expected = generate_captions(
        load_captioner(REPOSITORY / "data/demo_models/captioner", 32, torch.device("cpu")),
        list(files.values()),
        prompt=params.experiment.training.prompt,
        evaluation=params.experiment.evaluation,
        beam_length=params.profile.captioner.beam_length,
        batch_size=6,
    )
    found = read_results(round_trip.captions_file("generator-concat"))
    assert found == dict(zip(files, expected, strict=True))
    report.main()
    assert (
        "Captioner: data/demo_models/captioner." in (round_trip.REPORT / "index.html").read_text()
    )


def test_a_captioner_may_be_a_checkpoint_of_blip(changed: Path) -> None:
    torch.manual_seed(0)
    made = blip.save(blip.checkpoint(), changed)
    asked = {
        "source": "blip_checkpoint",
        "file": made.path.name,
        "sha256": made.sha256,
        "tokenizer": {"source": "local"},
    }
    change(SETTINGS, {"captioner": str(OTHER_CAPTIONER), "other_captioner": asked})
    with pytest.raises(InputError, match=r"inputs\.other_captioner = .* asks for model_base\.pth"):
        parameters.main()
    set_inputs(changed, other_captioner=made.path, other_tokenizer=changed)
    parameters.main()
    other_captioner.main()
    captions.main(REAL)
    files = round_trip.image_files(REAL)
    params = load_params()
    expected = generate_captions(
        convert_checkpoint(made, 32),
        list(files.values()),
        prompt=params.experiment.training.prompt,
        evaluation=params.experiment.evaluation,
        beam_length=params.profile.captioner.beam_length,
        batch_size=6,
    )
    assert read_results(round_trip.captions_file(REAL)) == dict(zip(files, expected, strict=True))
    made.path.unlink()
    with pytest.raises(InputError, match=r"inputs\.other_captioner = .*there is no such path"):
        parameters.main()


def test_the_papers_table_1_stands_beside_ours(changed: Path) -> None:
    """Five rows and the bound, where all that they name is the same; nothing elsewhere."""
    profile = yaml.safe_load((REPOSITORY / "profiles/flickr30k.yaml").read_text())
    change(Path("profiles/tiny.yaml"), {"generator.base": profile["generator"]["base"]})
    committed = yaml.safe_load((REPOSITORY / SETTINGS).read_text())
    change(
        SETTINGS,
        {
            "generators": [*OURS, "sd_2_0"],
            "styler": "national geographic, high quality photography, Canon EOS R3, Flickr",
            "other_generators": committed["other_generators"],
        },
    )
    for name in PROMPTS:
        for kind in ("images", "captions"):
            made = paths.ROUND_TRIP / kind / f"generator-{name}"
            target = made.with_name(f"sd_2_0-{name}")
            if kind == "images":
                shutil.copytree(made, target)
            else:
                shutil.copy(made.with_name(f"{made.name}.json"), f"{target}.json")
    evaluate.main()
    report.main()
    assert "Beside the paper" not in (round_trip.REPORT / "index.html").read_text()

    shutil.copy("profiles/tiny.yaml", "profiles/flickr30k.yaml")
    change(Path("params.yaml"), {"profile": "flickr30k"})
    report.main()
    page = re.sub(r"\s+", " ", (round_trip.REPORT / "index.html").read_text())
    assert "its columns are BLEU-4, METEOR and ROUGE-L" in page
    rows = {
        (row["generator"], row["prompt"]): row
        for row in csv.DictReader((round_trip.REPORT / "variants.csv").open())
    }
    printed = {
        ("real images", ""): ("37.6", "27.2", "57.1", ""),
        ("base", "all captions"): ("31.0", "24.7", "52.5", "-6.6"),
        ("base", "all captions + styler"): ("30.8", "24.2", "52.5", "-6.8"),
        ("fine-tuned", "all captions + styler"): ("33.5", "25.0", "53.5", "-4.1"),
        ("fine-tuned", "SBERT's caption + styler"): ("30.6", "24.1", "52.0", "-7.0"),
        ("sd_2_0", "all captions + styler"): ("31.2", "24.8", "52.0", "-6.4"),
    }
    for key, row in rows.items():
        found = [
            row[f"paper_{name}"] for name in ("bleu_4", "meteor", "rouge_l", "bleu_4_difference")
        ]
        assert tuple(found) == printed.get(key, ("", "", "", ""))
    assert len(rows) == 13

    change(SETTINGS, {"styler": "a drawing"})  # is not the paper's: only two rows are left
    report.main()
    rows_left = [
        row["paper_bleu_4"] for row in csv.DictReader((round_trip.REPORT / "variants.csv").open())
    ]
    assert sorted(filter(None, rows_left)) == ["31.0", "37.6"]


def test_all_faults_of_the_parameters_are_named(changed: Path) -> None:
    SETTINGS.write_text(
        "captioner: 3\nstile: a drawing\ngenerators: [generator, dall_e]\n"
        "prompts: [concat, concat]\nsingle: first\n"
        "other_generators:\n"
        "  generator: {model: {source: hub, id: a/b, revision: main}, folder: x, synthesis: null}\n"
        "  a/b: {model: {source: local}, folder: null, synthesis: {sampler: euler}}\n"
    )
    with pytest.raises(InputError) as caught:
        parameters.main()
    for fault in (
        "captioner = 3",
        "styler: missing key",
        "stile: unknown key",
        "generators.1 = 'dall_e': allowed: base_generator, generator, a/b",
        "prompts = ['concat', 'concat']: each may be named once",
        "single = 'first'",
        "other_generators.generator.model.revision = 'main'",
        "other_generators.generator.[key] = 'generator': base_generator, generator and real have",
        "other_generators.a/b.[key] = 'a/b': a name consists of letters a to z, digits and _",
        "other_generators.a/b.folder = None",
        "other_generators.a/b.synthesis.sampler = 'euler'",
        "other_generators.a/b.synthesis.steps: missing key",
        "other_captioner: missing key",
    ):
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
    drawn = rng.integers(0, 6, size=60)
    right, ciders = drawn.tolist(), (drawn + rng.normal(0, 3, size=60)).tolist()
    scenes = [f"scene {number}" for number in range(60)]
    single = image_correlation(ciders, right, scenes, np.random.default_rng(1))
    eight = image_correlation(ciders * 8, right * 8, scenes * 8, np.random.default_rng(1))
    assert (single.n, eight.n) == (60, 480)
    assert single.interval is not None
    assert eight.interval == pytest.approx(single.interval, abs=1e-9)
    assert single.value is not None
    assert single.interval[0] < single.value < single.interval[1]


def test_the_interval_of_right_images_counts_scenes_not_images() -> None:
    right = [number % 3 > 0 for number in range(60)]
    scenes = [f"scene {number}" for number in range(60)]
    one_each = right_interval(right, scenes, np.random.default_rng(1))
    assert one_each == pytest.approx(fraction_interval(40, 60))
    # Five equal images of each scene tell no more than one; 200 of 300 would tell much more.
    low, high = right_interval(right * 5, scenes * 5, np.random.default_rng(1))
    assert (low, high) == pytest.approx(one_each, abs=0.03)
    far_low, far_high = fraction_interval(200, 300)
    assert high - low > 1.8 * (far_high - far_low)


def test_fractions_of_right_images() -> None:
    facts = [{"count": True, "colours": True}, {"count": True, "colours": False}]
    assert right_fractions(facts) == {"count": 1.0, "colours": 0.5, "all": 0.5}
    # Wilson's interval by its formula, for 80 of 100.
    z, p, n = 1.959964, 0.8, 100
    centre, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    expected = [(centre + sign * half) / (1 + z * z / n) for sign in (-1, 1)]
    assert fraction_interval(80, 100) == pytest.approx(expected, abs=1e-6)
