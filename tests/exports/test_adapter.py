"""An adapter leaves as a whole model: what transformers loads, and captions, like any other."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from peft import PeftModel
from PIL import Image

from caption_curation import paths
from caption_curation.captioner.model.adapters import new_adapter
from caption_curation.captioner.model.captioner import save_captioner
from caption_curation.config.profile import Adapter
from caption_curation.experiments.finished import Repository
from caption_curation.exports.found import base_files, find_experiment, linked_captioner
from caption_curation.exports.markdown import literal
from tests.captioner import every_family as family
from tests.commands.console import fail, succeed
from tests.exports.project import BEST, EPOCHS, Project, write_project
from tests.pipeline.clone import change

ADAPTER = {"rank": 4, "alpha": 8.0, "dropout": 0.1, "target_modules": ["query", "value"]}
BASE = {"source": "hub", "id": "microsoft/git-base", "revision": "unverified"}


def write_adapters(root: Path) -> None:
    """A GIT, and an adapter of it after every epoch."""
    base = family.build("git", root / paths.captioner(0))
    for epoch in range(1, EPOCHS + 1):
        captioner = new_adapter(family.load("git", base), Adapter.model_validate(ADAPTER), base, 0)
        torch.manual_seed(epoch)
        for name, value in captioner.model.named_parameters():
            if ".lora_" in name:
                value.data = 0.3 * torch.randn_like(value)
        save_captioner(captioner, root / paths.captioner(epoch))
    change(
        root / "profiles/demo.yaml",
        {"captioner.base": BASE, "captioner.fine_tuning.adapter": ADAPTER},
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("adapter") / "project"
    return write_project(root, captioners=write_adapters)


@pytest.fixture
def project(made: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(made.root)
    return made


def test_it_leaves_as_a_whole_model(project: Project, tmp_path: Path) -> None:
    target = tmp_path / "exported"
    assert f"after epoch {BEST}\n" in succeed("export-model", "--to", target)
    assert not (target / "adapter_config.json").exists()

    # Loaded as the card says, by transformers alone, beside what peft makes of base and adapter.
    card = (target / "README.md").read_text(encoding="utf-8")
    code = card.partition("```python\n")[2].partition("\n```")[0]
    space: dict[str, Any] = {}
    exec(code.replace("'exported'", repr(str(target))), space)
    plain = space["model"].eval()
    ids = torch.tensor([[2, 30, 31, 32]])
    pixels = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = find_experiment(project.repository, None)
    with linked_captioner(found.experiment) as (adapter, base), torch.no_grad():
        model = type(plain).from_pretrained(str(base)).eval()
        before = model(input_ids=ids, pixel_values=pixels).logits
        adapted = PeftModel.from_pretrained(model, str(adapter)).eval()
        expected = adapted(input_ids=ids, pixel_values=pixels).logits
    merged = plain(input_ids=ids, pixel_values=pixels).logits
    assert torch.allclose(merged, expected, atol=1e-4)
    assert not torch.allclose(merged, before, atol=0.1)

    head = yaml.safe_load(card.removeprefix("---\n").partition("\n---\n")[0])
    assert head["base_model"] == "microsoft/git-base"
    for told in (
        "A captioner of the type git (GitForCausalLM), fine-tuned from ",
        literal("microsoft/git-base at unverified"),
        "of rank 4 beside the layers query, value; here it is merged",
    ):
        assert told in card
    assert "BLIP" not in card

    # And by the project, which captions as the experiment does.
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name, colour in family.COLOURS.items():
        Image.new("RGB", (40, 32), colour).save(pictures / f"{name}.png")
    succeed("caption", pictures, "--model", target, "--out", tmp_path / "1.csv")
    succeed("caption", pictures, "--out", tmp_path / "2.csv")
    assert (tmp_path / "1.csv").read_text() == (tmp_path / "2.csv").read_text()
    assert (tmp_path / "1.csv").read_text().count("\n") == 4


def test_a_base_that_is_not_in_the_cache_is_named(
    made: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made.root, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    found = find_experiment(Repository(Path(), Path(".dvc/cache")), None)
    base_files(found.experiment)["model.safetensors"].unlink()
    message = fail("export-model", "--to", tmp_path / "exported")
    assert "data/epochs/0/captioner/model.safetensors is not in DVC's cache" in message
    assert not (tmp_path / "exported").exists()
