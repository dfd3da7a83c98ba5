"""params.yaml and profiles: what is accepted, and what is said when it is not."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from caption_curation.config.inputs import check_inputs
from caption_curation.config.params import load_params
from caption_curation.support.errors import InputError
from caption_curation.support.sections import InvalidParams
from tests.conftest import REPOSITORY


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a copy of the repository's own parameters."""
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    shutil.copytree(REPOSITORY / "profiles", tmp_path / "profiles")
    return tmp_path


def change(path: Path, key: str, value: Any) -> None:
    """Set a dotted ``key`` of a YAML file."""
    content = yaml.safe_load(path.read_text())
    section = content
    *parents, last = key.split(".")
    for parent in parents:
        section = section[parent]
    section[last] = value
    path.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize("profile", [path.stem for path in (REPOSITORY / "profiles").glob("*")])
def test_every_profile_is_valid(root: Path, profile: str) -> None:
    change(root / "params.yaml", "profile", profile)
    assert load_params(root).experiment.profile == profile


@pytest.mark.parametrize(
    ("profile", "sections"),
    [
        ("flickr30k_git", {"captioner"}),
        ("flickr30k_smolvlm", {"captioner"}),
        ("flickr30k_sdxl", {"generator"}),
        ("flickr30k_sd3", {"generator"}),
        # Nothing is fine-tuned, so nobody needs COCO for it.
        ("flickr30k_flux", {"generator", "generator_data"}),
    ],
)
def test_another_model_is_another_section_of_a_profile(profile: str, sections: set[str]) -> None:
    usual, other = (
        yaml.safe_load((REPOSITORY / f"profiles/{name}.yaml").read_text())
        for name in ("flickr30k", profile)
    )
    assert {name for name in usual if usual[name] != other[name]} == sections


def test_the_defaults_are_the_documented_ones(root: Path) -> None:
    experiment = load_params(root).experiment
    curation = experiment.curation
    assert (experiment.profile, experiment.training.epochs) == ("demo", 3)
    assert (curation.method, curation.schedule) == ("replace_image", "dynamic")
    assert (curation.rule, curation.ratio) == ("top_fraction", 0.4)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("profile", "imagenet", ["profile", "'imagenet'", "allowed: coco, demo, flickr30k"]),
        ("curation.method", "delete", ["curation.method", "'delete'", "'replace_caption'"]),
        ("curation.ratio", 0, ["curation.ratio", "= 0", "greater than 0"]),
        ("curation.ratio", 1.01, ["curation.ratio", "= 1.01", "less than or equal to 1"]),
        ("curation.rule", "top", ["curation.rule", "'top_fraction' or 'mean_std'"]),
        ("training.epochs", 13, ["training.epochs", "= 13", "less than or equal to 8"]),
        ("training.epochs", 6, ["training", "epochs (6)", "schedule_epochs (5)"]),
        ("training.prompt", "a photo of", ["training.prompt", "'a photo of'", "end with a blank"]),
        ("training.epochs", 0, ["training.epochs", "greater than or equal to 1"]),
        ("curation.rate", 0.4, ["curation.rate", "unknown key"]),
        ("seed", -1, ["seed", "= -1"]),
        ("seed", "0", ["seed", "= '0'", "valid integer"]),
        ("curation.ratio", "1e-1", ["curation.ratio", "reads this as text"]),
        ("curation.method", False, ["curation.method", "quote the word"]),
        ("evaluation.spice", "maybe", ["evaluation.spice", "'auto', 'on' or 'off'"]),
        ("evaluation.min_length", 21, ["evaluation", "min_length (21)", "max_length (20)"]),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(
    root: Path, key: str, value: Any, said: list[str]
) -> None:
    change(root / "params.yaml", key, value)
    with pytest.raises(InvalidParams) as raised:
        load_params(root)
    for words in ["params.yaml", *said]:
        assert words in str(raised.value)


def test_all_faults_of_both_files_are_listed_at_once(root: Path) -> None:
    change(root / "params.yaml", "curation.ratio", 2.0)
    change(root / "params.yaml", "training.epochs", 0)
    change(root / "profiles/demo.yaml", "captioner.image_size", "large")
    change(root / "profiles/demo.yaml", "data.noise.wrong_caption", -0.5)
    with pytest.raises(InvalidParams) as raised:
        load_params(root)
    message = str(raised.value)
    assert message.startswith("4 invalid parameter(s)")
    for key in ("curation.ratio", "training.epochs", "captioner.image_size", "data.noise"):
        assert key in message


@pytest.mark.parametrize("profile", ["demo", "flickr30k"])
@pytest.mark.parametrize(
    ("fraction", "said"),
    [(0, "greater than 0"), (1.5, "less than or equal to 1"), ("1e-1", "reads this as text")],
)
def test_a_fraction_of_the_training_images(
    root: Path, profile: str, fraction: Any, said: str
) -> None:
    change(root / "params.yaml", "profile", profile)
    change(root / f"profiles/{profile}.yaml", "data.train_fraction", fraction)
    with pytest.raises(InvalidParams, match=rf"{profile}\.yaml: data\.train_fraction.*{said}"):
        load_params(root)


def test_a_fraction_must_leave_an_image(root: Path) -> None:
    change(root / "profiles/demo.yaml", "data.train_fraction", 0.001)
    with pytest.raises(InvalidParams, match=r"train_fraction \(0\.001\) of 500 .* at least 0\.002"):
        load_params(root)
    change(root / "profiles/demo.yaml", "data.train_fraction", 1 / 500)
    load_params(root)


def test_the_generators_corpus_has_no_fraction(root: Path) -> None:
    change(root / "profiles/demo.yaml", "generator_data.train_fraction", 0.5)
    with pytest.raises(InvalidParams, match=r"generator_data\.train_fraction: unknown key"):
        load_params(root)


@pytest.mark.parametrize(
    "together",
    [
        {"schedule": "static", "pair_with": "easiest"},
        {"method": "remove", "ratio": 1.0},
        {"method": "remove", "ratio": 1.0, "schedule": "static", "rule": "mean_std"},
    ],
)
def test_values_that_do_not_go_together_are_refused(root: Path, together: dict[str, Any]) -> None:
    for key, value in together.items():
        change(root / "params.yaml", f"curation.{key}", value)
    with pytest.raises(InvalidParams, match="curation"):
        load_params(root)


@pytest.mark.parametrize("written", ["on", "off", "auto", '"on"'])
def test_spice_is_a_word_also_where_yaml_reads_a_boolean(root: Path, written: str) -> None:
    """``dvc exp run -S evaluation.spice=on`` writes the word without quotes."""
    path = root / "params.yaml"
    before = path.read_text()
    assert "  spice: auto " in before
    path.write_text(before.replace("  spice: auto ", f"  spice: {written} "))
    assert load_params(root).experiment.evaluation.spice == written.strip('"')


def test_missing_keys_and_files(root: Path) -> None:
    (root / "params.yaml").write_text("profile: demo\nseed: 0\n")
    with pytest.raises(InvalidParams, match="curation: missing key"):
        load_params(root)
    (root / "params.yaml").write_text("just text")
    with pytest.raises(InvalidParams, match="expected keys and values"):
        load_params(root)
    (root / "params.yaml").unlink()
    with pytest.raises(InvalidParams, match="no such file"):
        load_params(root)


@pytest.mark.parametrize("revision", ["main", "0" * 39])
def test_a_hub_model_needs_a_pinned_revision(root: Path, revision: str) -> None:
    base = {"source": "hub", "id": "Salesforce/blip-image-captioning-base", "revision": revision}
    change(root / "profiles/demo.yaml", "captioner.base", base)
    with pytest.raises(InvalidParams, match=r"captioner\.base\.revision"):
        load_params(root)


# ------------------------------------------------------------------------- paths of inputs


@pytest.fixture
def located(root: Path) -> Path:
    """The same folder, with all that the demo's inputs name."""
    (root / "defaults").symlink_to(REPOSITORY / "defaults")
    (root / "data").mkdir()
    (root / "data/demo_models").symlink_to(REPOSITORY / "data/demo_models")
    return root


def faults(root: Path, profile: str = "demo") -> list[str]:
    """What check_inputs says, line by line, without its heading."""
    with pytest.raises(InputError) as raised:
        check_inputs(load_params(root, profile=profile), root)
    return str(raised.value).splitlines()[1:]


def test_inputs_that_a_profile_does_not_ask_for_only_need_to_be_there(located: Path) -> None:
    check_inputs(load_params(located), located)
    change(located / "params.yaml", "inputs.tokenizer", "data/demo_models/clip/config.json")
    check_inputs(load_params(located), located)
    change(located / "params.yaml", "inputs.tokenizer", "~/tokenizer")
    [fault] = faults(located)
    assert "inputs.tokenizer = '~/tokenizer': there is no such file or folder" in fault
    assert str(located) in fault and "~ is not expanded" in fault


def test_a_model_folder_is_a_folder(located: Path) -> None:
    change(located / "params.yaml", "inputs.clip", "data/demo_models/clip/config.json")
    [fault] = faults(located)
    assert "inputs.clip = 'data/demo_models/clip/config.json': a folder with a model" in fault


def test_the_files_of_one_profile_are_not_those_of_another(located: Path) -> None:
    """All that Flickr30K needs is said at once; then COCO's checkpoint is in its place."""
    names = [line.split(" = ")[0].strip() for line in faults(located, "flickr30k")]
    assert names == [
        "inputs.annotations",
        "inputs.images",
        "inputs.generator_annotations",
        "inputs.generator_images",
        "inputs.captioner",
    ]
    for name in ("dataset_flickr30k.json", "dataset_coco.json", "model_base.pth"):
        (located / name).touch()
    for key, path in {
        "annotations": "dataset_flickr30k.json",
        "images": "data",
        "generator_annotations": "dataset_coco.json",
        "generator_images": "data",
        "captioner": "model_base.pth",
    }.items():
        change(located / "params.yaml", f"inputs.{key}", path)
    [fault] = faults(located, "flickr30k")
    assert "the profile asks for model_base_capfilt_large.pth (captioner.base.file)" in fault
    (located / "model_base.pth").rename(located / "model_base_capfilt_large.pth")
    change(located / "params.yaml", "inputs.captioner", "model_base_capfilt_large.pth")
    check_inputs(load_params(located, profile="flickr30k"), located)
