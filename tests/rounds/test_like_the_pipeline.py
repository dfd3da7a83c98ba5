"""For the same losses, seed and epoch, the command chooses what the pipeline's stages choose."""

import json
from pathlib import Path
from typing import Any

import pytest

from caption_curation import paths
from caption_curation.samples import read_json_lines, samples_of, write_json_lines
from caption_curation.synthetic_index import INDEX, read_synthetic_index
from tests import small_epochs as stages
from tests.commands.console import succeed
from tests.stages import test_epoch

workspace = test_epoch.workspace
Workspace = test_epoch.Workspace

SETTINGS: dict[str, dict[str, Any]] = {
    "remove": {"method": "remove", "score": "loss_sum"},
    "caption": {"method": "replace_caption"},
    "image": {"method": "replace_image"},
    "control": {"method": "replace_caption", "score": "random"},
    "deviations": {"method": "replace_image", "rule": "mean_std", "std": 0.5},
    "another caption": {"method": "replace_image", "pair_with": "random_easier"},
    "a prompt a caption": {"method": "replace_image", "prompt": "single", "pair_with": "easiest"},
    "the other captions": {"method": "replace_image", "prompt": "others"},
    "static": {"method": "replace_image", "schedule": "static", "ratio": 0.34},
    "static, captions": {"method": "replace_caption", "schedule": "static", "ratio": 0.67},
}


def words_of(given: dict[str, Any], seed: int) -> list[str]:
    """The options of the command that the parameters stand for."""
    rule = given.get("rule", "top_fraction")
    amount = ["--std", given["std"]] if rule == "mean_std" else ["--ratio", given.get("ratio", 0.4)]
    return [
        *("--method", given["method"], "--rule", rule, *map(str, amount)),
        *("--score", given.get("score", "loss_mean"), "--seed", str(seed)),
        *("--pair-with", given.get("pair_with", "keep")),
        *("--prompt-mode", given.get("prompt", "concat")),
    ]


@pytest.mark.parametrize("given", SETTINGS.values(), ids=SETTINGS.keys())
def test_the_same_choices_and_training_sets(workspace: Workspace, given: dict[str, Any]) -> None:
    parameters = {
        f"curation.{key}": value for key, value in given.items() if key not in ("prompt", "std")
    }
    parameters |= {"prompt.mode": given.get("prompt", "concat"), "seed": 7}
    workspace("run", parameters | {"curation.std": given.get("std", 2.0)})
    write_json_lines(Path("mine/samples.jsonl"), samples_of(stages.IMAGES))
    words = [*words_of(given, seed=7), "--samples", "mine/samples.jsonl"]
    earlier: list[str] = []
    choices = 0
    for epoch in range(4):
        stages.run_epoch(epoch)
        if epoch == 0 and given.get("schedule") != "static":
            continue
        if epoch and given.get("schedule") == "static":
            break
        round_ = [*words, "--epoch", str(epoch), *earlier]
        if epoch:
            round_ += ["--losses", str(paths.losses(epoch))]

        succeed("curate", *round_, "--out", "mine/proposals.jsonl")
        proposed = read_json_lines(Path("mine/proposals.jsonl"))
        assert list(map(as_proposed, proposed)) == read_json_lines(paths.proposals(epoch))

        images = read_synthetic_index(paths.synthetic(epoch) / INDEX)
        drawn = [
            {"sample_id": image.sample_id, "file": f"{paths.synthetic(epoch)}/{image.key}.jpg"}
            for image in images
        ]
        if drawn:
            write_json_lines(Path("drawn.jsonl"), drawn)
            round_ += ["--drawn", "drawn.jsonl"]
        out = f"mine/edits-{epoch}.jsonl"
        succeed("curate", *round_, "--out", out, "--apply", "mine/curated.jsonl")
        edits = read_json_lines(Path(out))
        assert [
            {key: value for key, value in edit.items() if key != "prompt"} for edit in edits
        ] == read_json_lines(paths.edits(epoch))
        assert Path("mine/curated.jsonl").read_bytes() == paths.samples(epoch).read_bytes()
        earlier += ["--edits", out]
        choices += len(edits)
    assert choices


def as_proposed(edit: dict[str, Any]) -> dict[str, Any]:
    """A line of the pipeline's proposals, from one of edits that are not drawn."""
    if edit["action"] == "replace_image":
        assert not edit["accepted"]
        assert edit["prompt"]
        edit["reason"] = ""
    return {
        key: value
        for key, value in edit.items()
        if key not in ("epoch", "accepted", "decided_by", "prompt")
    }


def test_scores_of_a_file_and_a_pipelines_own_edits(workspace: Workspace) -> None:
    changes = {"curation.method": "replace_caption", "curation.score": "file", "inputs.scores": "s"}
    workspace("run", changes)
    for epoch in range(3):
        numbers = [
            {"sample_id": name, "score": stages.hash_of(name) * (epoch + 1) % 13}
            for name in stages.ALL_IDS
        ]
        write_json_lines(Path(f"s/{epoch}.jsonl"), numbers)
        stages.run_epoch(epoch)
    succeed(
        *("curate", "--samples", paths.samples(0), "--losses", "s/2.jsonl"),
        *("--edits", paths.edits(1), "--method", "replace_caption", "--rule", "top_fraction"),
        *("--ratio", "0.4", "--out", "edits.jsonl", "--apply", "curated.jsonl"),
    )
    assert Path("edits.jsonl").read_bytes() == paths.edits(2).read_bytes()
    assert Path("curated.jsonl").read_bytes() == paths.samples(2).read_bytes()
    assert json.loads(Path("edits.jsonl").read_text().splitlines()[0])["epoch"] == 2
