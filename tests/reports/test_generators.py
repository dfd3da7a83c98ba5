"""``caption-curation generators``: what several generators draw from the same prompts."""

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from caption_curation import paths
from caption_curation.config.experiment import Synthesis
from caption_curation.reports.generators.comparison import fitted
from caption_curation.samples import read_json_lines, write_json_lines
from caption_curation.text_to_image.family import FLOW_SAMPLERS, Abilities, Reader
from tests.commands.console import fail, succeed
from tests.conftest import REPOSITORY
from tests.pipeline.clone import change
from tests.text_to_image.tiny_generators import write_generator

MODELS = REPOSITORY / "data" / "demo_models"
SCENE = {
    "background": "black",
    "size": "large",
    "layout": "one",
    "things": [{"shape": "ring", "colour": "red"}],
}
PROMPTS = [
    {"prompt": "a large red ring on a black background <b>", "image_id": "7"},
    {"prompt": "a blue bar " * 40},
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with generators of two families, a CLIP and one scene that is known."""
    root = tmp_path_factory.mktemp("project")
    shutil.copy(REPOSITORY / "params.yaml", root)
    shutil.copytree(REPOSITORY / "profiles", root / "profiles")
    change(root / "params.yaml", {"synthesis.negative_prompt": "blur", "synthesis.steps": 4})
    change(root / "profiles" / "demo.yaml", {"generator.synthesis_batch_size": 2})
    shutil.copytree(MODELS / "generator", root / paths.GENERATOR)
    shutil.copytree(MODELS / "clip", root / paths.CLIP)
    write_generator("stable_diffusion_3", root / "models" / "sd3")
    scene = {"image_id": "7", "split": "val", "scene": SCENE, "shown": SCENE}
    write_json_lines(root / paths.GROUND_TRUTH / "scenes.jsonl", [scene])
    (root / "prompts.jsonl").write_text("".join(json.dumps(each) + "\n" for each in PROMPTS))
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=root, check=True)
    return root


def test_the_same_prompts_by_two_families(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    words = ("generators", "ours=data/generator", "a <flow>=models/sd3", "--prompts")
    printed = succeed(*words, "prompts.jsonl", "--to", "compared")
    assert "2 generated" in printed
    assert "sampler dpm_solver: its own instead" in printed
    rows = list(csv.DictReader(io.StringIO(Path("compared/generators.csv").read_text())))
    assert [(row["generator"], row["pipeline"], row["sampler"]) for row in rows[::2]] == [
        ("ours", "StableDiffusionPipeline", "dpm_solver"),
        ("a <flow>", "StableDiffusion3Pipeline", "native"),
    ]
    assert [row["image_size"] for row in rows] == ["32"] * 4
    # CLIP reads 77 tokens of it, and T5 all.
    assert [row["too_long"] for row in rows[::2]] == ["1", "0"]
    assert [row["right"] for row in rows] == ["true", "", "false", ""]
    assert all(float(row["seconds_an_image"]) > 0 for row in rows)
    ours, other = (float(row["clipscore"]) for row in rows[::2])
    assert 0 <= other < ours <= 2.5
    page = Path("compared/index.html").read_text()
    assert page.count('<img src="data:image/') == 4
    assert "&lt;b&gt;" in page and "<b>" not in page.replace("<b></b>", "")
    assert "a &lt;flow&gt;" in page and "<flow>" not in page
    assert "1 of 1" in page and "✗ wrong" in page

    again = succeed(*words, "prompts.jsonl", "--to", "compared")
    assert again.count("2 images: 0 generated, 2 reused") == 2
    assert not [path for path in Path(".dvc/cache").iterdir() if path.name.startswith("tmp")]


def test_what_a_generator_does_not_have_is_passed_over_by_name() -> None:
    asked = Synthesis(sampler="ddim", steps=4, guidance=3.0, negative_prompt="blur")
    schnell = Abilities(
        pipeline="FluxPipeline",
        samplers=FLOW_SAMPLERS,
        guidance=False,
        negative_prompt=False,
        windows=False,
        trainable=False,
        pixels=16,
        native_size=1024,
        reader=Reader("tokenizer_2", 256),
    )
    synthesis, lines = fitted(asked, schnell)
    assert synthesis == Synthesis(sampler="native", steps=4, guidance=1.0, negative_prompt="")
    assert lines == [
        "sampler ddim: its own instead",
        "guidance 3.0: it knows none",
        "negative prompt 'blur': it reads none",
    ]
    plain = Synthesis(sampler="native", steps=4, guidance=1.0, negative_prompt="")
    assert fitted(plain, schnell) == (plain, [])


def test_what_cannot_be_compared_is_said_at_once(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    message = fail(
        "generators", "ours=data/generator", "ours=data/generator", "alone", "none=models/none",
        "--prompts", "prompts.jsonl", "--to", "x",
    )  # fmt: skip
    for part in ("'ours=data/generator': the name is there twice", "'alone': expected", "none"):
        assert part in message
    Path("empty.txt").write_text("\n \n")
    message = fail("generators", "a=data/generator", "--prompts", "empty.txt", "--to", "x")
    assert "empty.txt: no prompts" in message
    Path("bad.jsonl").write_text('{"prompt": "a"}\n{"text": "b"}\n{"prompt": 3}\n')
    message = fail("generators", "a=data/generator", "--prompts", "bad.jsonl", "--to", "x")
    assert "line 2: " in message and "line 3: " in message and "line 1: " not in message
    message = fail("generators", "a=data/generator", "--prompts", "prompts.jsonl", "--to", "models")
    assert "models exists" in message
    assert not Path("x").exists()
    assert read_json_lines(Path("prompts.jsonl"))
