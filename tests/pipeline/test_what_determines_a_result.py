"""A change of what determines a result reruns the stages that read it, and no others."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from caption_curation.round_trip.variants import OURS
from tests.conftest import REPOSITORY
from tests.pipeline.clone import Clone, change
from tests.pipeline.recorded import changed_stages, record_all_stages

# The stages that read what an input names; `parameters` and `report` read its name.
READERS = {
    "annotations": {"corpus"},
    "generator_annotations": {"generator_corpus"},
    "captioner": {"base_captioner"},
    "tokenizer": {"base_captioner"},
    "generator": {"base_generator"},
    "sentence_encoder": {"sbert_captions", "round_trip:sbert_captions"},
    "clip": {"clip_model"},
    "other_captioner": {"round_trip_models:captioner"},
    "other_tokenizer": {"round_trip_models:captioner"},
    "other_generator": {"round_trip_models:generator"},
    "decisions": {"settle_static", "settle"},
    "scores": {"scores"},
}
FILES = {
    "annotations": "dataset.json",
    "generator_annotations": "dataset.json",
    "decisions": "decisions.jsonl",
}
NAMED = {"parameters", "report"}
RUN = ("epochs", "round_trip", "round_trip_models", "human_study")  # pretraining is done once
OF_THE_STUDIES = {"automatic.annotators", "other_captioner", "other_generators.sd_2_0.model"}
RECIPES = {"round_trip_models:recipe", "round_trip_models:other_recipe"}
MODELS = {
    "base_captioner",
    "base_generator",
    "caption_test",
    "clip_features",
    "clip_model",
    "clip_score",
    "finetune_generator",
    "generator_latents",
    "parameters",
    "sbert_captions",
    "score",
    "synthesize",
    "train",
    "validate",
    "human_study:parameters",
    "human_study:scores",
    "round_trip:captions",
    "round_trip:captions_of_real_images",
    "round_trip:images",
    "round_trip:parameters",
    "round_trip:sbert_captions",
    "round_trip_models:captioner",
    "round_trip_models:generator",
    *(
        f"pretrain:{name}"
        for name in (
            "captioner",
            "clip",
            "generator",
            "model_card",
            "sentence_encoder",
            "untrained_generator",
        )
    ),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Every input is a file or folder of its own, and every stage counts as finished."""
    clone = Clone(tmp_path_factory.mktemp("determines") / "clone")
    mine = clone.folder / "mine"
    for name in READERS:
        if name in FILES:
            (mine / name).mkdir(parents=True)
            (mine / name / FILES[name]).write_text("\n")
            clone.set(**{f"inputs.{name}": f"mine/{name}/{FILES[name]}"})
        elif name == "scores":
            shutil.copytree(clone.folder / "defaults/scores", mine / name)
            clone.set(**{"inputs.scores": "mine/scores"})
        elif name == "other_generator":
            shutil.copytree(clone.folder / "data/demo_models/clip", mine / name)
            settings = clone.folder / "stages/round_trip/params.yaml"
            change(settings, {"other_generators.sd_2_0.folder": f"mine/{name}"})
        else:
            shutil.copytree(clone.folder / "data/demo_models/clip", mine / name)
            clone.set(**{f"inputs.{name}": f"mine/{name}"})
    clone.commit("inputs")
    # What is read for digests of families and for recipes; all else are placeholders.
    target = clone.folder / "data/epochs/0/captioner/config.json"
    target.parent.mkdir(parents=True)
    shutil.copy(clone.folder / "data/demo_models/captioner/config.json", target)
    for name in OURS:
        shutil.copytree(clone.folder / "data/demo_models/generator", clone.folder / "data" / name)
    take_digests(clone)
    record_all_stages(clone)
    return clone


def take_digests(clone: Clone) -> None:
    """Run the stages whose outputs hold digests of families' code."""
    clone.command(sys.executable, "-m", "stages.families")
    for name in OURS:
        clone.command(sys.executable, "-m", "stages.round_trip.recipe", name)


@pytest.fixture
def clone(finished: Clone) -> Iterator[Clone]:
    """The same clone for each test, put back afterwards."""
    yield finished
    finished.reset()
    finished.command("git", "clean", "--force", "--quiet", "-d", "mine", "src", "defaults")


def test_nothing_is_changed_at_first(clone: Clone) -> None:
    assert changed_stages(clone) == set()


@pytest.mark.parametrize("name", READERS)
def test_another_content_of_an_input_runs_what_reads_it(clone: Clone, name: str) -> None:
    folder = clone.folder / "mine" / name
    file = folder / FILES.get(name, "config.json")
    if name == "scores":
        file = folder / "1.jsonl"
    file.write_text(file.read_text() + "\n")
    assert changed_stages(clone) == READERS[name]


@pytest.mark.parametrize("name", ["generator", "annotations"])
def test_another_path_of_an_input_runs_what_reads_it(clone: Clone, name: str) -> None:
    (clone.folder / "mine" / name).rename(clone.folder / "mine" / "moved")
    file = "/dataset.json" if name == "annotations" else ""
    clone.set(**{f"inputs.{name}": f"mine/moved{file}"})
    changed = changed_stages(clone)
    (clone.folder / "mine" / "moved").rename(clone.folder / "mine" / name)
    assert changed == READERS[name] | NAMED


def test_images_are_read_again_when_their_folder_or_revision_is_another(clone: Clone) -> None:
    clone.set(**{"inputs.images": "elsewhere"})
    assert changed_stages(clone) == {"corpus"} | NAMED
    clone.set(**{"inputs.images": None, "inputs.generator_images": "elsewhere"})
    assert changed_stages(clone) == {"generator_corpus"} | NAMED
    clone.reset()
    change(
        clone.folder / "profiles/tiny.yaml", {"data.seed": 5}
    )  # as data.revision, in its section
    assert changed_stages(clone) == {"corpus"} | NAMED


def test_other_versions_run_every_stage_that_runs_a_model(clone: Clone) -> None:
    file = clone.folder / "versions.yaml"
    file.write_text(file.read_text().replace('torch: "', 'torch: "9'))
    assert changed_stages(clone) == MODELS


CAPTIONERS = {
    "caption_test",
    "score",
    "train",
    "validate",
    "human_study:scores",
    "round_trip:captions",
    "round_trip:captions_of_real_images",
}
GENERATORS = {"finetune_generator", "generator_latents", "synthesize", "round_trip:images"}
# They make models of a family, or check that a folder holds one, without a digest to ask.
OF_BLIP = {
    "base_captioner",
    "human_study:parameters",
    "round_trip:parameters",
    "round_trip_models:captioner",
    "pretrain:captioner",
    "pretrain:sentence_encoder",
}


OF_STABLE_DIFFUSION = {"pretrain:model_card", *RECIPES}


@pytest.mark.parametrize("room", ["captioner", "text_to_image"])
def test_a_second_family_reruns_no_experiment_of_the_first(clone: Clone, room: str) -> None:
    module = clone.folder / f"src/caption_curation/{room}/families/another.py"
    for code in ("from caption_curation import rng\n", "import torch\n"):  # planted, then mended
        module.write_text(code)
        makers = {"pretrain:model_card", *RECIPES} if room == "text_to_image" else set()
        assert changed_stages(clone) == {"families"} | makers
        take_digests(clone)
        # Their own dependencies are others than recorded, and no dependency of any other stage is.
        assert changed_stages(clone) == {"families"} | makers


@pytest.mark.parametrize(
    ("module", "makers", "users"),
    [
        ("captioner/families/blip.py", OF_BLIP, CAPTIONERS),
        ("text_to_image/families/stable_diffusion.py", OF_STABLE_DIFFUSION, GENERATORS),
        # What only one of them imports, and no stage by itself.
        ("text_to_image/windows.py", OF_STABLE_DIFFUSION, GENERATORS),
        ("text_to_image/families/flux.py", OF_STABLE_DIFFUSION, set()),  # no model is of it
    ],
)
def test_mending_a_family_reruns_what_uses_it(
    clone: Clone, module: str, makers: set[str], users: set[str]
) -> None:
    file = clone.folder / "src/caption_curation" / module
    file.write_text(file.read_text() + "\nMENDED = True\n")
    assert changed_stages(clone) == {"families"} | makers
    take_digests(clone)
    assert changed_stages(clone) == {"families"} | makers | users
    file.write_text(file.read_text().removesuffix("\nMENDED = True\n"))
    take_digests(clone)


# Sections that come in several kinds, or may be null: DVC tracks them whole.
WHOLE = {
    "captioner.base",
    "captioner.fine_tuning.adapter",
    "captioner.fine_tuning.augmentation.rand_augment",
    "clip",
    "data",
    "generator.base",
    "generator.fine_tuning.adapter",
    "generator_data",
    "sentence_encoder",
}
SHOWING = {"stages.parameters", "stages.report", "stages.round_trip.report"}  # all there is


def tracked(profile: str) -> Iterator[tuple[str, str, str, Any]]:
    """Module, file, key and value of everything that a stage of a run tracks."""
    for file in ("dvc.yaml", *(f"stages/{name}/dvc.yaml" for name in RUN)):
        for stage in yaml.safe_load((REPOSITORY / file).read_text())["stages"].values():
            body = stage.get("do", stage)
            for entry in body.get("params", []):
                files = entry if isinstance(entry, dict) else {"params.yaml": [entry]}
                for template, keys in files.items():
                    name = template.replace("${profile}", profile)
                    values = yaml.safe_load((REPOSITORY / name).read_text())
                    for key in keys or ():
                        one = key.replace("${key}", "sd_2_0")
                        yield body["cmd"].split()[2], name, one, value_of(values, one)


def value_of(values: Any, key: str) -> Any:
    """The value of a dotted key, which must be there."""
    for part in key.split("."):
        values = values[part]
    return values


@pytest.mark.parametrize("profile", [path.stem for path in (REPOSITORY / "profiles").glob("*")])
def test_every_profile_has_what_is_tracked_key_by_key(profile: str) -> None:
    for module, file, key, value in tracked(profile):
        if module not in SHOWING:
            assert not isinstance(value, dict) or key in WHOLE | OF_THE_STUDIES, (module, file, key)


def test_a_new_key_reruns_nothing_but_what_shows_or_checks_all(clone: Clone) -> None:
    """It stands beside keys that are tracked, in the sections that every profile has."""
    for file, sections in {
        "params.yaml": ("curation", "training", "prompt", "synthesis", "evaluation"),
        "profiles/tiny.yaml": (
            "curation",
            "captioner",
            "captioner.fine_tuning",
            "captioner.fine_tuning.augmentation",
            "generator",
            "generator.fine_tuning",
        ),
    }.items():
        path = clone.folder / file
        content = yaml.safe_load(path.read_text())
        for section in sections:
            value_of(content, section)["novelty"] = 1
        path.write_text(yaml.safe_dump(content))
    # Of pretraining, which is done once, the card measures with all of synthesis.
    assert changed_stages(clone) == NAMED | {"round_trip:report", "pretrain:model_card"}


def test_a_profile_that_asks_for_another_input_is_refused_first(clone: Clone) -> None:
    """Nothing of params.yaml has changed."""
    checkpoint = {
        "source": "blip_checkpoint",
        "file": "model_base.pth",
        "sha256": None,
        "tokenizer": {"source": "local"},
    }
    change(clone.folder / "profiles/tiny.yaml", {"captioner.base": checkpoint})
    said = stopped(clone, "repro")
    assert set(re.findall("Running stage '(.*)'", said)) == {"parameters"}
    assert "inputs.captioner = 'mine/captioner': the profile asks for model_base.pth" in said


@pytest.mark.parametrize("path", [None, 3, "nowhere"])
def test_the_first_stage_refuses_a_path_before_dvc_does(clone: Clone, path: object) -> None:
    """DVC has no more than "unexpected error" for null, and reads no number as a path."""
    clone.set(**{"inputs.generator": path})
    said = stopped(clone, "repro")
    assert "Running stage 'parameters'" in said
    assert f"inputs.generator = {path!r}: " in said
    assert "unexpected error" not in said


def test_a_queued_experiment_says_which_file_git_does_not_track(clone: Clone) -> None:
    (clone.folder / ".gitignore").write_text(
        (clone.folder / ".gitignore").read_text() + "/private/\n"
    )
    shutil.copytree(clone.folder / "data/demo_models/generator", clone.folder / "private/generator")
    clone.commit("a folder of one machine")
    said = stopped(clone, "exp", "run", "--temp", "-S", "inputs.generator=private/generator")
    assert "inputs.generator = 'private/generator': there is no such file or folder" in said
    assert "A queued experiment sees what git tracks, and whole paths" in said


def stopped(clone: Clone, *words: str) -> str:
    """What a DVC command prints that must not succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=clone.folder,
        env=clone.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode != 0, done.stdout
    return done.stdout
