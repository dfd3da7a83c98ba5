"""The synthesize stage in a DVC repository of its own, with noise images for a generator."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from caption_curation import paths
from caption_curation.config.experiment import Prompt
from caption_curation.edits import Proposal, write_proposals
from caption_curation.model_files import weights_digest
from caption_curation.samples import (
    CaptionedImage,
    Sample,
    read_json_lines,
    samples_of,
    write_json_lines,
)
from caption_curation.support.errors import InputError
from caption_curation.synthetic_index import SyntheticImage, read_synthetic_index
from caption_curation.text_to_image.family import NOISE_SAMPLERS, Abilities, Reader
from caption_curation.text_to_image.image_store import image_seed
from caption_curation.text_to_image.image_store.adopted import (
    adoptions_folder,
    libraries_of_outputs,
)
from caption_curation.text_to_image.image_store.keys import attempt_seed
from caption_curation.text_to_image.synthesis.requests import requests_of
from stages import synthesize
from tests.conftest import REPOSITORY

IMAGES = [
    CaptionedImage("7", "7.jpg", ("a red ring .", "one red ring.")),
    CaptionedImage("8", "8.jpg", ("a bar", "a strip", "a blue bar")),
]
PHOTOGRAPHS = samples_of(IMAGES)
# Of image 7: two synthetic images for its two samples. Of image 8: one that two samples show.
MIXED = [
    Sample("7#0", "7", "7.jpg", "a red ring .", 0),
    Sample("7#1", "7", "7.jpg", "one red ring.", 1),
    Sample("8#1", "8", "8.jpg", "a blue bar", 0),
    Sample("8#2", "8", "8.jpg", "a blue bar", 0),
]


PIPELINE = SimpleNamespace(device=SimpleNamespace(type="cpu"))
ABILITIES = Abilities(
    pipeline="StableDiffusionPipeline",
    samplers=NOISE_SAMPLERS,
    guidance=True,
    negative_prompt=True,
    windows=True,
    trainable=True,
    pixels=4,
    native_size=32,
    reader=Reader("tokenizer", 77),
)
STYLER = "national geographic, high quality photography"


class NoiseGenerator(ModuleType):
    """In place of ``text_to_image.families.stable_diffusion``: records what it is asked for."""

    def __init__(self) -> None:
        super().__init__("caption_curation.text_to_image.families.stable_diffusion")
        self.loaded: list[tuple[Path, str]] = []
        self.batches: list[Sequence[str]] = []
        self.settings: list[dict[str, Any]] = []
        self.unusable: set[int] = set()  # seeds

    def abilities(self, folder: Path) -> Abilities:
        return ABILITIES

    def load_generator(self, folder: Path, *, sampler: str) -> Any:
        self.loaded.append((folder, sampler))
        return PIPELINE

    def generate(
        self, generator: Any, prompts: Sequence[str], seeds: Sequence[int], **settings: Any
    ) -> list[Image.Image | None]:
        assert generator is PIPELINE
        self.batches.append(prompts)
        self.settings.append(settings)
        shape = (*reversed(settings["size"]), 3)
        return [
            None
            if seed in self.unusable
            else Image.fromarray(
                np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
            )
            for seed in seeds
        ]


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> NoiseGenerator:
    module = NoiseGenerator()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the inputs of the stage; no DVC repository yet."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    shutil.copytree(REPOSITORY / "profiles", tmp_path / "profiles")
    configure(
        profile="demo",
        prompt=prompt_settings(),
        synthesis={"sampler": "ddim", "steps": 3, "guidance": 2.5, "negative_prompt": "blur"},
    )
    write_json_lines(paths.CORPUS / "train.jsonl", IMAGES)
    write_json_lines(paths.sbert_captions("train"), [])
    demo = REPOSITORY / "data" / "demo_models" / "generator"
    shutil.copytree(demo, paths.GENERATOR, ignore=shutil.ignore_patterns("*.safetensors"))
    write_digest()
    return tmp_path


def write_digest() -> None:
    digest = {"sha256": weights_digest(paths.GENERATOR)}
    (paths.GENERATOR / "digest.json").write_text(json.dumps(digest))


def configure(**values: Any) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    Path("params.yaml").write_text(yaml.safe_dump({**params, **values}))


def prompt_settings(**changes: str) -> dict[str, str]:
    settings = {"mode": "concat", "joining": "verbatim", "styler": "high quality"}
    return {**settings, "overflow": "truncate", **changes}


def synthesize_of(samples: Sequence[Sample], epoch: int = 1) -> dict[str, Path]:
    """The files drawn for proposals that would make these samples, and for two that draw none."""
    proposals = [
        Proposal("replace_image", sample, replace(sample, file=None), {}) for sample in samples
    ]
    shown = replace(PHOTOGRAPHS[0], file="data/epochs/0/synthetic/x.jpg", replicate=9)
    others = [
        Proposal("remove", PHOTOGRAPHS[1], None, {}),
        Proposal("replace_caption", shown, replace(shown, caption="a bar"), {}),
    ]
    write_proposals(paths.proposals(epoch), [*others, *proposals])
    synthesize.main(epoch)
    return files_of(epoch)


def index_of(epoch: int) -> list[SyntheticImage]:
    return list(read_synthetic_index(paths.synthetic(epoch) / "index.jsonl"))


def files_of(epoch: int) -> dict[str, Path]:
    return {
        image.sample_id: paths.synthetic(epoch) / f"{image.key}.jpg" for image in index_of(epoch)
    }


def counts_of(epoch: int) -> dict[str, int]:
    counts: dict[str, int] = json.loads(paths.synthesis_counts(epoch).read_text())
    return counts


def dvc_init(workspace: Path) -> None:
    command = [sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"]
    subprocess.run(command, cwd=workspace, check=True)


def test_writes_an_image_for_each_synthetic_sample(
    workspace: Path, generator: NoiseGenerator, capsys: pytest.CaptureFixture[str]
) -> None:
    dvc_init(workspace)
    files = synthesize_of(MIXED)
    assert capsys.readouterr().out.splitlines() == [
        "3 images: 3 generated, 0 reused, 0 from the DVC cache",
    ]
    assert list(files) == ["7#0", "7#1", "8#1", "8#2"]
    assert files["8#1"] == files["8#2"]
    assert files["7#0"] != files["7#1"]
    folder = paths.synthetic(1)
    assert {*folder.iterdir()} == {*files.values(), folder / "index.jsonl"}
    assert not (folder.parent / "synthetic.partial").exists()
    for file in files.values():
        with Image.open(file) as image:
            assert image.format == "JPEG"
            assert image.size == (32, 32)

    ring = "a red ring .. one red ring. high quality"
    bar = "a bar. a strip. a blue bar high quality"
    index = index_of(1)
    assert [(image.prompt, image.seed) for image in index] == [
        (ring, image_seed("7", 0)),
        (ring, image_seed("7", 1)),
        (bar, image_seed("8", 0)),
        (bar, image_seed("8", 0)),
    ]
    assert generator.loaded == [(paths.GENERATOR, "ddim")]
    assert generator.batches == [[ring, ring, bar]]
    assert generator.settings == [
        {
            "in_windows": [False, False, False],
            "steps": 3,
            "guidance": 2.5,
            "negative_prompt": "blur",
            "size": (32, 32),
            "pad_to": 1,
        }
    ]
    assert [image.candidate for image in index] == [1, 1, 1, 1]
    for drawn in index:
        assert drawn.md5 == hashlib.md5(files[drawn.sample_id].read_bytes()).hexdigest()
    # The prompt of several samples stands there once, and no attempt where there was but one.
    lines = read_json_lines(folder / "index.jsonl")
    assert [line["prompt"] for line in lines] == [ring, bar]
    keys = {"sample_id", "candidate", "key", "seed", "md5"}
    assert all(image.keys() == keys for line in lines for image in line["images"])
    assert counts_of(1) == {"prompts": 2, "too_long": 0, "most_tokens": 77, "redrawn": 0}


def test_what_another_version_drew_is_adopted_with_its_results(
    workspace: Path, generator: NoiseGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    dvc_init(workspace)
    before = {sample: file.name for sample, file in synthesize_of(MIXED[:2]).items()}
    assert len(generator.batches) == 1
    drawn_with = libraries_of_outputs(workspace / ".dvc" / "cache", [put_into_cache(1)])
    assert [libraries.diffusers for libraries in drawn_with] == [version("diffusers")]

    monkeypatch.setattr(
        "caption_curation.text_to_image.synthesis.requests.version", lambda name: f"9.{name}"
    )
    adoption = {"libraries": [libraries.model_dump() for libraries in drawn_with]}
    folder = adoptions_folder(workspace / ".dvc" / "cache")
    folder.mkdir(parents=True)
    (folder / "0001.json").write_text(json.dumps(adoption))
    files = synthesize_of(MIXED, 2)
    assert {sample: files[sample].name for sample in before} == before
    assert generator.batches[1:] == [["a bar. a strip. a blue bar high quality"]]
    with Image.open(files["8#1"]) as image:
        assert json.loads(image.info["comment"])["recipe"]["diffusers"] == "9.diffusers"

    (folder / "0001.json").rename(folder / "0001.undone.json")
    assert synthesize_of(MIXED[:2], 1).keys() == before.keys()
    assert len(generator.batches) == 3


def put_into_cache(epoch: int) -> str:
    """Add an epoch's images to DVC's cache; their hash."""
    command = [sys.executable, "-m", "dvc", "add", "--quiet", str(paths.synthetic(epoch))]
    subprocess.run(command, check=True)
    (out,) = yaml.safe_load(Path(f"{paths.synthetic(epoch)}.dvc").read_text())["outs"]
    return str(out["md5"])


def test_with_the_other_captions_no_image_shows_its_samples_own(
    workspace: Path, generator: NoiseGenerator
) -> None:
    dvc_init(workspace)
    configure(prompt=prompt_settings(mode="others", styler=""))
    images = [CaptionedImage("7", "7.jpg", ("a red ring .", "a bar", "one ring", "a bar"))]
    write_json_lines(paths.CORPUS / "train.jsonl", images)
    samples = [replace(sample, replicate=0) for sample in samples_of(images)]
    # Another caption changes nothing: left out is the one that the sample began with.
    samples[0] = replace(samples[0], caption="one ring")
    samples[3] = replace(samples[3], replicate=1)
    files = synthesize_of(samples)
    assert {image.sample_id: image.prompt for image in index_of(1)} == {
        "7#0": "a bar. one ring. a bar",
        "7#1": "a red ring .. one ring",
        "7#2": "a red ring .. a bar. a bar",
        "7#3": "a red ring .. one ring",
    }
    assert len(set(files.values())) == 4
    assert counts_of(1)["prompts"] == 3


def test_the_next_epoch_generates_only_what_is_new(
    workspace: Path, generator: NoiseGenerator, capsys: pytest.CaptureFixture[str]
) -> None:
    dvc_init(workspace)
    first = synthesize_of(MIXED[:2])
    second = synthesize_of(MIXED[1:], epoch=2)
    assert "2 images: 1 generated, 1 reused, 0 from the DVC cache" in capsys.readouterr().out
    assert first["7#1"].read_bytes() == second["7#1"].read_bytes()
    assert "7#0" not in second


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": prompt_settings(mode="single")},
        {"prompt": prompt_settings(joining="sentences")},
        {"prompt": prompt_settings(styler="")},
        {"synthesis": {"sampler": "pndm", "steps": 3, "guidance": 2.5, "negative_prompt": "blur"}},
    ],
    ids=["prompt mode", "joining", "styler", "sampler"],
)
def test_other_settings_give_other_images(
    workspace: Path, generator: NoiseGenerator, change: dict[str, Any]
) -> None:
    dvc_init(workspace)
    before = {file.name for file in synthesize_of(MIXED).values()}
    configure(**change)
    after = {file.name for file in synthesize_of(MIXED).values()}
    assert before.isdisjoint(after)
    configure(seed=5)  # the seed of training and curation alone
    assert {file.name for file in synthesize_of(MIXED).values()} == after


def test_another_generators_images_begin_with_other_noise(
    workspace: Path, generator: NoiseGenerator
) -> None:
    """Also where it has the same weights, as without fine-tuning."""
    dvc_init(workspace)
    seeds = {}
    for generator_seed in (0, 1, 2):
        configure(generator_seed=generator_seed)
        synthesize_of(MIXED)
        seeds[generator_seed] = [image.seed for image in index_of(1)]
    assert seeds[0] == [image_seed(*of) for of in (("7", 0), ("7", 1), ("8", 0), ("8", 0))]
    assert len({seed for of_one in seeds.values() for seed in of_one}) == 9


def test_without_proposals_another_generator_leaves_all_bytes_as_they_are(
    workspace: Path, generator: NoiseGenerator
) -> None:
    """So no stage after it runs again: an experiment without curation is one of every generator."""
    written = []
    for generator_seed in (0, 1):
        configure(generator_seed=generator_seed)
        (paths.GENERATOR / "unet").mkdir(exist_ok=True)
        (paths.GENERATOR / "unet" / "weights.safetensors").write_text(str(generator_seed))
        write_digest()
        assert synthesize_of([]) == {}
        files = sorted(paths.synthetic(1).iterdir())
        files.append(paths.synthesis_counts(1))
        written.append({file.name: file.read_bytes() for file in files})
    assert written[0] == written[1]
    assert not generator.loaded


def test_candidates_beyond_the_first_leave_it_what_it_is() -> None:
    prompt = Prompt(mode="concat", joining="verbatim", styler="", overflow="truncate")
    # Hardest first, as proposals are: the order of requests is the caller's.
    wanted = [replace(sample, file=None) for sample in (MIXED[1], MIXED[2], MIXED[0])]
    one, three = (
        requests_of(wanted, IMAGES, prompt, {}, candidates=n, generator_seed=0) for n in (1, 3)
    )
    assert list(one) == [("7#1", 1), ("8#1", 1), ("7#0", 1)]
    assert {name: three[name] for name in one} == one
    assert one["7#1", 1].seed == image_seed("7", 1)
    seeds = {name: request.seed for name, request in three.items()}
    assert len(set(seeds.values())) == len(seeds) == 9
    # No candidate is the image of another replicate.
    assert not {image_seed("7", number) for number in range(2, 50)} & set(seeds.values())
    assert all(request.prompt == one[name, 1].prompt for (name, _), request in three.items())


def test_image_that_never_is_usable_is_an_error_without_an_output(
    workspace: Path, generator: NoiseGenerator
) -> None:
    dvc_init(workspace)
    seed = image_seed("8", 0)
    generator.unusable = {attempt_seed(seed, attempt) for attempt in range(100)}
    with pytest.raises(InputError, match=f"seed {seed}, prompt 'a bar. a strip. a blue bar"):
        synthesize_of(MIXED)
    assert not paths.synthetic(1).exists()
    assert not paths.synthesis_counts(1).exists()


def test_another_attempt_is_in_the_index_of_everybody_who_shows_the_image(
    workspace: Path, generator: NoiseGenerator
) -> None:
    dvc_init(workspace)
    before = {sample_id: file.name for sample_id, file in synthesize_of(MIXED).items()}
    shutil.rmtree(workspace / ".dvc" / "cache")
    generator.unusable = {image_seed("8", 0)}
    for epoch in (1, 2):  # generated, then found in the store
        after = {sample_id: file.name for sample_id, file in synthesize_of(MIXED, epoch).items()}
        assert after == before
        index = index_of(epoch)
        assert [image.attempt for image in index] == [0, 0, 1, 1]
        assert [image.seed for image in index][2:] == [image_seed("8", 0)] * 2
        assert counts_of(epoch)["redrawn"] == 1
    assert len(generator.batches) == 3


LONG_CAPTIONS = tuple(
    f"a long caption of {number} words. " + "red ring " * 9 for number in range(5)
)
LONG_AND_SHORT = [
    CaptionedImage("7", "7.jpg", LONG_CAPTIONS),
    CaptionedImage("8", "8.jpg", ("a bar", "a blue bar")),
    CaptionedImage("9", "9.jpg", ("a cross",)),
]


def test_overflow_concerns_long_prompts_only(
    workspace: Path, generator: NoiseGenerator, capsys: pytest.CaptureFixture[str]
) -> None:
    dvc_init(workspace)
    write_json_lines(paths.CORPUS / "train.jsonl", LONG_AND_SHORT)
    samples = [
        replace(sample, replicate=0)
        for sample in samples_of(LONG_AND_SHORT)
        if sample.sample_id.endswith("#0")
    ]
    files, generated = {}, {}
    for overflow in ("truncate", "keep_styler", "chunk"):
        configure(prompt=prompt_settings(styler=STYLER, overflow=overflow))
        generator.batches.clear()
        generator.settings.clear()
        files[overflow] = synthesize_of(samples)
        generated[overflow] = [prompt for batch in generator.batches for prompt in batch]
        assert counts_of(1) == {"prompts": 3, "too_long": 1, "most_tokens": 77, "redrawn": 0}
        assert "1 of 3 prompts are longer than 77 tokens" in capsys.readouterr().out
        index = index_of(1)
        assert [image.sample_id for image in index] == ["7#0", "8#0", "9#0"]
        assert index[0].prompt in generated[overflow]
    for short in ("8#0", "9#0"):
        assert len({files[overflow][short].name for overflow in files}) == 1
    assert len({files[overflow]["7#0"].name for overflow in files}) == 3
    whole = ". ".join(LONG_CAPTIONS) + f" {STYLER}"
    assert generated["truncate"][0] == whole and len(generated["truncate"]) == 3
    assert generated["chunk"] == [whole]
    assert generator.settings[0]["in_windows"] == [True]
    (shortened,) = generated["keep_styler"]
    assert shortened.endswith(f" {STYLER}")
    assert whole.startswith(shortened.removesuffix(f" {STYLER}"))


def test_prompts_in_windows_are_generated_together(
    workspace: Path, generator: NoiseGenerator
) -> None:
    dvc_init(workspace)
    write_json_lines(paths.CORPUS / "train.jsonl", LONG_AND_SHORT)
    configure(prompt=prompt_settings(styler=STYLER, overflow="chunk"))
    samples = [replace(sample, replicate=0) for sample in samples_of(LONG_AND_SHORT)]
    synthesize_of(samples)
    assert generator.settings[0]["in_windows"] == [False, False, True]


def test_prompts_of_as_many_windows_are_generated_together(
    workspace: Path, generator: NoiseGenerator
) -> None:
    # A batch of several kinds is split by kind, and a GPU pads each part.
    dvc_init(workspace)
    profile = Path("profiles/demo.yaml")
    settings = yaml.safe_load(profile.read_text())
    settings["generator"]["synthesis_batch_size"] = 2
    profile.write_text(yaml.safe_dump(settings))
    configure(prompt=prompt_settings(styler="", overflow="chunk"))
    windows = [2, 3, 2, 3, 2, 3]
    images = [
        CaptionedImage(str(n), f"{n}.jpg", (" ".join(["circle"] * (75 * w - n - 1)),))
        for n, w in enumerate(windows)
    ]
    write_json_lines(paths.CORPUS / "train.jsonl", images)
    synthesize_of([replace(sample, replicate=0) for sample in samples_of(images)])
    words = [[len(prompt.split()) for prompt in batch] for batch in generator.batches]
    assert [[-(-count // 75) for count in batch] for batch in words] == [[2, 2], [2, 3], [3, 3]]


def test_a_gpu_computes_full_batches(
    workspace: Path, generator: NoiseGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    dvc_init(workspace)
    monkeypatch.setattr(PIPELINE.device, "type", "cuda")
    synthesize_of(MIXED)
    assert generator.settings[0]["pad_to"] == 32  # profile demo's batch


def test_without_synthetic_samples_there_is_an_empty_index(workspace: Path) -> None:
    # There is no DVC repository, so starting dvc would fail.
    write_proposals(paths.proposals(0), [Proposal("remove", PHOTOGRAPHS[0], None, {})])
    assert "torch" not in modules_of_stage(workspace, epoch=0)
    assert [file.name for file in paths.synthetic(0).iterdir()] == ["index.jsonl"]
    assert index_of(0) == []
    assert counts_of(0) == {"prompts": 0, "too_long": 0, "most_tokens": 77, "redrawn": 0}


def test_with_all_images_stored_torch_is_not_imported(
    workspace: Path, generator: NoiseGenerator
) -> None:
    dvc_init(workspace)
    files = synthesize_of(MIXED)
    contents = {name: file.read_bytes() for name, file in files.items()}
    shutil.rmtree(paths.synthetic(1))
    loaded = modules_of_stage(workspace, epoch=1)
    assert "caption_curation.text_to_image.image_store.store" in loaded
    assert not {"torch", "diffusers", "transformers"} & loaded
    again = files_of(1)
    assert {name: file.read_bytes() for name, file in again.items()} == contents


def modules_of_stage(workspace: Path, epoch: int) -> set[str]:
    """Run the stage in a process of its own; the names of all modules that it imported."""
    code = (
        "import json, sys; from stages import synthesize; "
        f"synthesize.main({epoch}); print(json.dumps(list(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=workspace,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


def dvc(*arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_generator_that_rotted_in_dvcs_cache_draws_nothing(
    workspace: Path, generator: NoiseGenerator
) -> None:
    dvc_init(workspace)
    (paths.GENERATOR / "unet").mkdir(exist_ok=True)
    (paths.GENERATOR / "unet" / "weights.safetensors").write_bytes(bytes(range(256)) * 100)
    write_digest()
    paths.GENERATOR.rename("made")
    stage = {"cmd": "cp -r made data/generator", "deps": ["made"], "outs": ["data/generator"]}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"finetune_generator": stage}}))
    dvc("repro", "-q")
    synthesize_of(MIXED, 1)

    weights = paths.GENERATOR / "unet" / "weights.safetensors"
    digest = hashlib.md5(weights.read_bytes()).hexdigest()
    cached = Path(".dvc/cache/files/md5", digest[:2], digest[2:])
    shutil.rmtree(paths.GENERATOR)
    cached.chmod(0o644)
    rotten = bytearray(cached.read_bytes())
    rotten[1000] ^= 1
    cached.write_bytes(rotten)
    cached.chmod(0o444)
    dvc("checkout", "-q")
    assert weights.read_bytes() == rotten

    synthesize_of(MIXED, 2)  # what is stored was drawn before
    configure(synthesis={"sampler": "ddim", "steps": 4, "guidance": 2.5, "negative_prompt": ""})
    with pytest.raises(InputError) as caught:
        synthesize_of(MIXED, 3)
    assert f"{paths.GENERATOR}: its files have the digest" in str(caught.value)
    assert f"{cached.resolve()}" in str(caught.value)
    assert "DVC's cache (1):" in str(caught.value)
    assert len(generator.loaded) == 1
    assert len(list(Path(".dvc/cache/caption_curation/images").rglob("*.jpg"))) == 3

    cached.unlink()
    shutil.rmtree(paths.GENERATOR)
    dvc("repro", "-q")
    synthesize_of(MIXED, 3)
    assert len(generator.loaded) == 2


def test_a_generator_that_was_edited_draws_nothing(
    workspace: Path, generator: NoiseGenerator
) -> None:
    dvc_init(workspace)
    (paths.GENERATOR / "tokenizer" / "more.json").write_text("{}")
    with pytest.raises(InputError, match=r"damaged, or were edited. Remove data/generator\.\nThen"):
        synthesize_of(MIXED)
    assert not generator.loaded
    assert not paths.synthetic(1).exists()
