"""The whole pipeline under DVC, on tiny models: what reruns, what does not, and what comes out.

The tests share one clone and build on one another's cache, as a user's experiments do.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo

from caption_curation.config.experiment import Inputs
from caption_curation.image_index import read_index
from caption_curation.synthetic_index import read_synthetic_index
from tests.pipeline.browser import drawn_charts, fetched_by
from tests.pipeline.clone import RECORDER, REPOSITORY, Clone, Run, change

LOOP = {
    f"{stage}@{epoch}" for stage in ("train", "score", "validate", "history") for epoch in (1, 2)
}
CHECK = {"parameters"}
ALWAYS = {
    "corpus",
    "corpus_report",
    "generator_corpus",
    "families",
    "sbert_captions",
    "base_captioner",
    "base_generator",
    "generator_latents",
    "finetune_generator",
    "clip_model",
    "clip_features",
    "spice_files",
}
PROFILES = sorted([*(file.stem for file in (REPOSITORY / "profiles").iterdir()), "tiny"])
# The parameters that a run with the default values does not read, or that its page only prints.
UNREAD = {
    "experiment.compute.arithmetic",  # stages that only copy a model
    "experiment.inputs.generator_images",
    "experiment.inputs.images",
    "experiment.training.epochs",
    "profile.curation",
    "profile.curation.easier_captions",
    "profile.curation.rounding",
    "profile.sentence_encoder",
}
EDITS = ("scores", "curate", "synthesize", "recaption", "judge", "settle")
BEFORE = {"curate_static", "settle_static", "validate@0", "history_base"}
BEFORE |= {f"{stage}@0" for stage in EDITS if stage not in ("curate", "settle")}
AFTER = {"caption_test", "clip_score", "evaluate", "report"}
EVERYTHING = (
    {"profile"} | CHECK | ALWAYS | BEFORE | LOOP | {f"{stage}@1" for stage in EDITS} | AFTER
)
EVERYTHING |= {"verdicts@2"}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the pipeline ran once, with the parameters that each stage read."""
    clone = Clone(tmp_path_factory.mktemp("clone"))
    log = clone.folder.parent / "parameters.jsonl"
    run = clone.dvc("repro", environment={"PYTHONPATH": str(RECORDER), "PARAMETER_LOG": str(log)})
    assert sorted(run.stages) == sorted(EVERYTHING)
    clone.commit("first run")
    return clone


@contextmanager
def changed(clone: Clone, file: str = "params.yaml", **values: Any) -> Iterator[None]:
    """The clone with other values, put back afterwards."""
    path = clone.folder / file
    before = path.read_text()
    change(path, values)
    try:
        yield
    finally:
        path.write_text(before)


def test_a_second_run_runs_nothing(clone: Clone) -> None:
    assert clone.dvc("repro").stages == []
    assert "Nothing to do: every result is there." in planned(clone).output


def declared_parameters() -> Iterator[tuple[str, list[str]]]:
    root = Path(__file__).resolve().parent.parent.parent
    for file in ("dvc.yaml", "stages/epochs/dvc.yaml"):
        for stage in yaml.safe_load((root / file).read_text())["stages"].values():
            body = stage.get("do", stage)
            keys: list[str] = []
            for entry in body.get("params", []):
                names = [f"experiment.{entry}"] if isinstance(entry, str) else []
                if isinstance(entry, dict):
                    names = [f"profile.{key}" for keys in entry.values() for key in keys]
                keys += names
            for key in keys:
                assert not key.endswith("."), key
            # The command's own arguments carry training.epochs.
            if "${training.epochs}" in body["cmd"]:
                keys.append("experiment.training.epochs")
            yield " ".join(body["cmd"].split()[2:4]), keys


# How much is computed at once, or saved how often, changes no result beyond rounding: it is the
# machine's business, and no reason to spend its time again.
MACHINE = {
    "profile.captioner.checkpoint_steps",
    "profile.captioner.inference_batch_size",
    "profile.generator.checkpoint_steps",
    "profile.generator.synthesis_batch_size",
}
# Paths: what the stages depend on are the files.
MACHINE |= {
    f"experiment.inputs.{name}"
    for name in Inputs.model_fields
    if name not in ("images", "generator_images")
}
# Sections that are tracked key by key, of which a run reads those that its other values ask for.
TOGETHER = (
    "experiment.curation",
    "experiment.prompt",
    "experiment.synthesis",
    "profile.captioner.fine_tuning",
    "profile.generator.fine_tuning",
)


def together(key: str) -> str:
    """The key, or the section whose keys are declared together."""
    return next((section for section in TOGETHER if key.startswith(f"{section}.")), key)


def test_each_stage_reads_the_parameters_that_it_declares(clone: Clone) -> None:
    """Under-declared, a change would leave stale results; over-declared, it would waste work."""
    read: dict[str, set[str]] = {}
    for line in (clone.folder.parent / "parameters.jsonl").read_text().splitlines():
        words, keys = json.loads(line)
        read.setdefault(words[0], set()).update(keys)
    declared: dict[str, set[str]] = {}
    for command, parameters in declared_parameters():
        declared.setdefault(command.split()[0], set()).update(parameters)
    assert set(read) == set(declared)
    for stage, keys in declared.items():
        undeclared = {
            key
            for key in read[stage] - MACHINE
            if not any(f"{key}.".startswith(f"{other}.") for other in keys)
        }
        unread = {
            key
            for key in keys
            if not any(f"{other}.".startswith(f"{together(key)}.") for other in read[stage])
        }
        assert not undeclared, stage
        assert stage in ("stages.profile", "stages.parameters") or not unread - UNREAD, stage


SYNTHESIS = {"synthesize@0", "synthesize@1"}
CURATION = {"curate_static", "curate@1"}
CAPTIONING = {"validate@0", "validate@1", "validate@2", "caption_test"}
SETTLING = {"settle_static", "settle@1"}
TUNING = {"families", "finetune_generator"}
PROMPTS = CURATION | SYNTHESIS | SETTLING | {"sbert_captions"}
TRAINING = {"train@1", "train@2"}
SCORING = {"score@1", "score@2"}
HISTORY = {"history_base", "history@1", "history@2"}
BASE = {"base_captioner"}


@pytest.mark.parametrize(
    ("file", "key", "value", "stale"),
    [
        ("params.yaml", "seed", 1, CURATION | TRAINING | HISTORY),
        ("params.yaml", "generator_seed", 1, SYNTHESIS | {"finetune_generator"}),
        ("params.yaml", "curation.method", "remove", CURATION),
        ("params.yaml", "curation.schedule", "static", CURATION | {"scores@0", "scores@1"}),
        ("params.yaml", "curation.score", "random", CURATION | {"scores@0", "scores@1"}),
        ("params.yaml", "curation.rule", "mean_std", CURATION),
        ("params.yaml", "curation.ratio", 0.2, CURATION),
        ("params.yaml", "curation.std", 1.0, CURATION),
        ("params.yaml", "curation.pair_with", "easiest", CURATION),
        ("params.yaml", "training.label_smoothing", 0.0, TRAINING | SCORING),
        ("params.yaml", "training.schedule_epochs", 6, TRAINING),
        ("params.yaml", "training.prompt", "a photo of ", TRAINING | SCORING | CAPTIONING | BASE),
        ("params.yaml", "prompt.mode", "single", PROMPTS),
        ("params.yaml", "prompt.mode", "sbert", PROMPTS),
        ("params.yaml", "prompt.mode", "others", PROMPTS),
        ("params.yaml", "prompt.joining", "sentences", SYNTHESIS),
        ("params.yaml", "prompt.styler", "a photograph", SYNTHESIS),
        ("params.yaml", "prompt.overflow", "chunk", SYNTHESIS),
        ("params.yaml", "synthesis.steps", 3, SYNTHESIS),
        ("params.yaml", "synthesis.guidance", 4.0, SYNTHESIS),
        ("params.yaml", "synthesis.sampler", "ddim", SYNTHESIS),
        ("params.yaml", "synthesis.negative_prompt", "blur", SYNTHESIS),
        ("params.yaml", "evaluation.beams", 1, CAPTIONING),
        ("params.yaml", "evaluation.spice", "off", {"spice_files"}),
        ("profiles/tiny.yaml", "data.seed", 5, {"corpus"}),
        ("profiles/tiny.yaml", "data.train_fraction", 0.5, {"corpus"}),
        ("profiles/tiny.yaml", "generator_data.seed", 5, {"generator_corpus"}),
        ("profiles/tiny.yaml", "curation.rounding", "round", CURATION),
        ("profiles/tiny.yaml", "curation.easier_captions", 3, CURATION),
        ("profiles/tiny.yaml", "captioner.base.seed", 5, {"base_captioner"}),
        ("profiles/tiny.yaml", "captioner.fine_tuning.learning_rate", 0.001, TRAINING),
        ("profiles/tiny.yaml", "captioner.fine_tuning.last_batch", "drop", TRAINING),
        ("profiles/tiny.yaml", "captioner.beam_length", "caption_and_prompt", CAPTIONING),
        ("profiles/tiny.yaml", "captioner.best_epoch", "cider_and_bleu_4", HISTORY),
        ("profiles/tiny.yaml", "captioner.checkpoint_steps", 2, set()),
        ("profiles/tiny.yaml", "captioner.inference_batch_size", 4, set()),
        ("profiles/tiny.yaml", "generator.checkpoint_steps", 2, set()),
        ("profiles/tiny.yaml", "generator.base.seed", 5, {"base_generator"}),
        ("profiles/tiny.yaml", "generator.fine_tuning.steps", 3, TUNING),
        ("profiles/tiny.yaml", "generator.jpeg_quality", 90, SYNTHESIS),
        ("profiles/tiny.yaml", "clip", None, {"clip_model"}),
    ],
)  # fmt: skip
def test_a_parameter_invalidates_the_stages_that_read_it(
    clone: Clone,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    key: str,
    value: Any,
    stale: set[str],
) -> None:
    monkeypatch.chdir(clone.folder)
    with changed(clone, file, **{key: value}):
        status = Repo().status(targets=["report"], with_deps=True)
    names = {name.rpartition(":")[2] for name, _ in status.items()}
    # The check and the report are of every parameter, so each of them makes these stale.
    assert names - {"report", "parameters"} == stale


def keys_of(index: Path) -> set[str]:
    """The images of an epoch's proposals."""
    return {image.key for image in read_synthetic_index(index)}


@pytest.mark.parametrize(
    ("index", "readers"),
    [
        ("corpus/train_images.jsonl", {"corpus", "settle_static", "report"}),
        ("corpus/whole_train_images.jsonl", {"corpus", "generator_corpus"}),
        (
            "corpus/val_images.jsonl",
            {"corpus", "validate@0", "validate@1", "validate@2", "clip_features"},
        ),
        ("corpus/test_images.jsonl", {"corpus", "caption_test", "clip_features", "report"}),
        ("epochs/0/curated/shown.jsonl", {"settle_static", "settle@1", "train@1", "score@1"}),
        ("epochs/1/synthetic/index.jsonl", {"synthesize@1", "settle@1", "history@2"}),
        ("epochs/1/curated/shown.jsonl", {"settle@1", "train@2", "score@2", "verdicts@2"}),
    ],
)
def test_another_content_of_an_image_is_noticed_by_who_reads_it(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, index: str, readers: set[str]
) -> None:
    """The list of the images has another digest then; nobody depends on their folder."""
    monkeypatch.chdir(clone.folder)
    listed = clone.folder / "data" / index
    before = listed.read_text()
    (digest,) = re.findall(r'"md5": "(\w+)"', before)[-1:]
    listed.unlink()  # linked from DVC's cache
    listed.write_text(before.replace(digest, "0" * 32))
    try:
        status = Repo().status(targets=["report"], with_deps=True)
    finally:
        listed.unlink()
        listed.write_text(before)
    assert {name.rpartition(":")[2] for name in status} == readers


IMAGES = ("data/corpus/images", "data/epochs/1/synthetic")


def test_damaged_and_deleted_images_are_restored_and_nothing_runs_again(clone: Clone) -> None:
    clone.reset()
    clone.dvc("repro")
    whole: dict[Path, bytes] = {}
    for folder in IMAGES:
        cut, gone, *_ = sorted((clone.folder / folder).glob("*.jpg"))
        whole |= {file: file.read_bytes() for file in (cut, gone)}
        gone.unlink()
        cut.unlink()  # linked from DVC's cache
        cut.write_bytes(whole[cut][: len(whole[cut]) // 2])
    assert clone.dvc("repro").stages == []
    assert {file: file.read_bytes() for file in whole} == whole


@pytest.mark.parametrize("folder", IMAGES)
def test_an_image_that_is_nowhere_is_named_with_the_command_that_fetches_it(
    clone: Clone, folder: str
) -> None:
    """As after ``dvc pull --allow-missing``: the lists are there, and not all that they name."""
    clone.reset()
    clone.dvc("repro")
    images = read_index(clone.folder / "data/epochs/1/curated/shown.jsonl")
    shown = next(image for image in images if Path(image.file).parent == Path(folder))
    file = clone.folder / shown.file
    cached = clone.folder / ".dvc/cache/files/md5" / shown.md5[:2] / shown.md5[2:]
    content = cached.read_bytes()
    for path in (file, cached):
        path.unlink()
    try:
        with pytest.raises(AssertionError) as failed:
            clone.dvc("repro", "--force", "--single-item", "stages/epochs/dvc.yaml:train@2")
    finally:
        for path in (file, cached):
            path.write_bytes(content)
        clone.dvc("repro")  # DVC has removed what was to be trained anew
    message = f"images that are not there; `dvc pull {folder}` fetches them (1):\n  {shown.file}\n"
    assert message in str(failed.value)


def experiment(clone: Clone, *settings: str) -> Run:
    """``dvc exp run`` with the committed parameters and the given ones."""
    clone.reset()
    return clone.dvc("exp", "run", *(word for setting in settings for word in ("-S", setting)))


@dataclass
class Plan:
    """What ``caption-curation plan`` foretells of an experiment."""

    output: str
    stages: dict[str, set[str]]  # by state

    @property
    def images(self) -> str:
        """The number of images to generate, as it is shown."""
        shown = re.search(r"^generate images +(.*) images", self.output, re.MULTILINE)
        return shown[1] if shown else "0"

    def assert_foretold(self, run: Run) -> None:
        """What was to run ran; what follows may have been found in the cache; nothing else ran."""
        runs, follows = self.stages.get("runs", set()), self.stages.get("follows", set())
        assert runs <= set(run.stages) <= runs | follows


def planned(clone: Clone, *settings: str) -> Plan:
    """The plan for the committed parameters and the given ones; it changes nothing."""
    clone.reset()
    values = {
        key: yaml.safe_load(value)
        for key, _, value in (setting.partition("=") for setting in settings)
    }
    with changed(clone, **values):
        before = clone.command("git", "status", "--short")
        output = clone.command(sys.executable, "-m", "caption_curation", "plan")
        assert clone.command("git", "status", "--short") == before
    stages: dict[str, set[str]] = {}
    listed = re.findall(r"^([\w ]+) \(\d+ stages?: .*\n((?:  .*\n)+)", output, re.MULTILINE)
    for state, names in listed:
        for stage, epochs in re.findall(r"(\w+)(?:@([\d,]*\d))?", " ".join(names.split())):
            numbers = epochs.split(",") if epochs else []
            stages.setdefault(state, set()).update(
                [f"{stage}@{number}" for number in numbers] or [stage]
            )
    return Plan(output, stages)


def metrics(clone: Clone) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        (clone.folder / "reports/evaluation/metrics.json").read_text()
    )
    return loaded


def test_a_smaller_ratio_trains_no_shared_epoch_and_generates_no_image(clone: Clone) -> None:
    run = experiment(clone, "curation.ratio=0.2")
    # Epoch 1 is the same, and the images for 20 % are some of those for 40 %. The test split is
    # captioned anew only if another epoch's captioner is the best.
    assert set(run.stages) | {"caption_test"} == CHECK | CURATION | AFTER | {
        "synthesize@1", "settle@1", "train@2", "score@2", "validate@2", "history@2", "verdicts@2",
    }  # fmt: skip
    assert run.generated == 0
    assert metrics(clone)["curation"]["epoch_1"]["replaced_image"] == 24


def test_a_setting_seen_before_runs_nothing(clone: Clone) -> None:
    assert experiment(clone, "curation.ratio=0.4").stages == []
    assert "Nothing to do" in planned(clone, "curation.ratio=0.2").output
    assert experiment(clone, "curation.ratio=0.2").stages == []
    assert experiment(clone, "curation.ratio=0.4").stages == []
    assert metrics(clone)["curation"]["epoch_1"]["replaced_image"] == 48


def test_a_larger_ratio_generates_the_difference_only(clone: Clone) -> None:
    experiment(clone, "curation.ratio=0.4")
    index = clone.folder / "data/epochs/1/synthetic/index.jsonl"
    before = keys_of(index)
    plan = planned(clone, "curation.ratio=0.6")
    run = experiment(clone, "curation.ratio=0.6")
    plan.assert_foretold(run)
    assert plan.images == str(run.generated)
    after = keys_of(index)
    assert run.generated == len(after - before) > 0
    assert before < after


def test_more_epochs_run_only_the_new_ones(clone: Clone) -> None:
    run = experiment(clone, "training.epochs=3", "curation.ratio=0.4")
    new = {"train@3", "score@3", "validate@3", "history@3"} | {f"{stage}@2" for stage in EDITS}
    assert set(run.stages) | {"caption_test"} == CHECK | new | {"verdicts@3"} | AFTER
    assert set(metrics(clone)["curation"]) >= {"epoch_0", "epoch_1", "epoch_2"}


def test_a_setting_of_the_report_runs_only_the_report(clone: Clone) -> None:
    clone.reset()
    clone.dvc("repro")
    stylesheet = clone.folder / "src/caption_curation/reports/run/templates/report.html"
    before = stylesheet.read_text()
    stylesheet.write_text(before + "\n")
    try:
        assert clone.dvc("repro").stages == ["report"]
    finally:
        stylesheet.write_text(before)


@pytest.mark.parametrize(
    ("settings", "epoch", "action"),
    [
        (["curation.method=remove"], "epoch_1", "removed"),
        (["curation.method=replace_caption"], "epoch_1", "replaced_caption"),
        (["curation.schedule=static"], "epoch_0", "replaced_image"),
        (["curation.schedule=static", "prompt.mode=others"], "epoch_0", "replaced_image"),
        (["curation.rule=mean_std", "curation.std=1.0"], "epoch_1", "replaced_image"),
        (["curation.score=random"], "epoch_1", "replaced_image"),
    ],
)
def test_every_method_and_schedule_does_what_it_says(
    clone: Clone, settings: list[str], epoch: str, action: str
) -> None:
    plan = planned(clone, *settings) if action == "replaced_image" else None
    run = experiment(clone, *settings)
    if plan:
        plan.assert_foretold(run)
        assert plan.images == str(run.generated)
    # Another mode of prompts asks anew whether a sentence encoder is needed.
    asked = {"sbert_captions"} if any("prompt.mode" in setting for setting in settings) else set()
    assert not set(run.stages) & (ALWAYS - asked | {"validate@0", "history_base"})
    counts = metrics(clone)["curation"]
    assert counts[epoch][action] > 0
    others = {key for key in counts if key.startswith("epoch_")} - {epoch}
    assert all(counts[other][action] == 0 for other in others)
    if settings[0] == "curation.method=remove":
        assert counts["training_set"] == 120 - counts["epoch_1"]["removed"]


def test_none_imports_no_generator_and_shows_a_report(clone: Clone) -> None:
    run = experiment(clone, "curation.method=none")
    assert run.generated == 0
    report = (clone.folder / "reports/report.html").read_text()
    assert "<html" in report


def test_two_queued_jobs_share_the_image_store_without_double_work(clone: Clone) -> None:
    clone.reset()
    store = clone.folder / ".dvc/cache/caption_curation/images"
    before = set(store.rglob("*.jpg"))
    # A guidance that no other test has, or the store could hold every image already.
    clone.dvc(
        "exp", "run", "--queue", "-S", "seed=11,12", "-S", "curation.ratio=0.5",
        "-S", "synthesis.guidance=5.5",
    )  # fmt: skip
    clone.dvc("queue", "start", "--jobs", "2")
    logs = wait_for_queue(clone)
    generated = sum(int(count) for log in logs for count in re.findall(r"(\d+) generated", log))
    assert generated == len(set(store.rglob("*.jpg")) - before) > 0
    rows = json.loads(clone.dvc("exp", "show", "--json").output)
    names = json.dumps(rows)
    assert '"seed": 11' in names and '"seed": 12' in names


def wait_for_queue(clone: Clone) -> list[str]:
    """The logs of all queued experiments, when they have ended."""
    for _ in range(200):
        status = clone.dvc("queue", "status").output
        if not re.search(r"\b(Queued|Running)\b", status):
            break
        time.sleep(2)
    assert "Failed" not in status, status
    names = [line.split()[0] for line in status.splitlines() if "Success" in line]
    assert len(names) == 2, status
    return [clone.dvc("queue", "logs", name).output for name in names]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("training.epochs=13", ["training.epochs = 13", "less than or equal to 8"]),
        ("curation.ratio=1.5", ["curation.ratio = 1.5", "less than or equal to 1"]),
        ("curation.method=delete", ["curation.method = 'delete'", "'replace_caption'"]),
        ("profile=imagenet", ["profile = 'imagenet'", f"allowed: {', '.join(PROFILES)}"]),
    ],
)
def test_a_bad_value_stops_before_any_stage_runs(
    clone: Clone, setting: str, said: list[str]
) -> None:
    clone.reset()
    with pytest.raises(AssertionError) as raised:
        clone.dvc("exp", "run", "-S", setting)
    clone.reset()
    output = str(raised.value)
    for words in said:
        assert words in output
    started = {line for line in output.splitlines() if line.startswith("Running stage")}
    assert started <= {f"Running stage '{name}':" for name in ("profile", "parameters")}


def test_metrics_and_plots_show_something(clone: Clone) -> None:
    clone.reset()
    clone.dvc("repro")
    shown = json.loads(clone.dvc("metrics", "show", "--json").output)
    values = shown[""]["data"]["reports/evaluation/metrics.json"]["data"]
    assert set(values["test"]) == {
        "bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider",
        "clipscore", "ref_clipscore",
    }  # fmt: skip
    # DVC leaves out what is null; this says why.
    assert "stanford-corenlp-3.6.0-models.jar" in values["not_computed"]["spice"]


def test_plots_are_drawn_without_network(clone: Clone) -> None:
    folder = clone.folder / "plots"
    clone.dvc("plots", "show", "--out", str(folder))
    page = folder / "index.html"
    assert fetched_by(page.read_text(encoding="utf-8")) == []
    assert [path.name for path in folder.iterdir()] == ["index.html"]

    charts = drawn_charts(page)
    declared = yaml.safe_load((clone.folder / "dvc.yaml").read_text())["plots"]
    for name, plot in (item for entry in declared for item in entry.items()):
        chart = charts[name.replace(" ", "_")]
        assert re.search(r'class="mark-line[^>]*><path[^>]* d="M[\d.]', chart), name
        for text in (name, plot["x_label"], plot["y_label"], "workspace"):
            assert f">{text}</text>" in chart, f"{name}: {text}"


def test_a_killed_run_resumes_and_equals_an_undisturbed_one(clone: Clone, tmp_path: Path) -> None:
    """Another clone, with a cache of its own, is killed in synthesis and again in training."""
    clone.reset()
    other = Clone(tmp_path / "other")
    store = other.folder / ".dvc/cache/caption_curation/images"
    kill_when(other, lambda _: len(list(store.rglob("*.jpg"))) >= 4)
    kept = {path: path.stat().st_mtime_ns for path in store.rglob("*.jpg")}
    assert 4 <= len(kept) < 48, "the run was to be killed in the middle of synthesis"
    kill_when(other, lambda output: "train@2'" in output)
    run = other.dvc("repro")
    assert "train@2" in run.stages
    assert "train@1" not in run.stages
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "finished images are kept"
    # The same hashes of every output: the killed run equals the undisturbed one, and two runs
    # of one setting, each with models trained and images drawn anew, equal each other.
    assert other.locks() == clone.locks()


def kill_when(clone: Clone, condition: Callable[[str], bool]) -> None:
    """Start ``dvc repro`` and kill -9 it, with all its children, once its output fulfils this."""
    log = clone.folder.parent / "killed.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro"],
            cwd=clone.folder,
            env=clone.environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        while not condition(log.read_text()):
            assert process.poll() is None, f"ended before it was killed:\n{log.read_text()}"
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
