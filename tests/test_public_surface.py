"""What ``import caption_curation`` offers."""

import subprocess
import sys

import pytest

import caption_curation
from caption_curation import (
    Curation,
    CurationDetails,
    Sample,
    SampleLoss,
    apply_edits,
    propose,
    settle,
)


def test_every_public_name_is_there_and_documented() -> None:
    for name in caption_curation.__all__:
        assert getattr(caption_curation, name).__doc__, name
    assert dir(caption_curation) == caption_curation.__all__
    with pytest.raises(AttributeError, match="no attribute 'curator'"):
        caption_curation.curator  # noqa: B018


def test_the_import_itself_loads_no_library() -> None:
    loads = "import sys, caption_curation; print({'numpy', 'pydantic', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_proposals_as_the_pipeline_makes_them() -> None:
    samples = [Sample(f"{image}#0", image, f"{image}.jpg", f"a {image}") for image in "abcd"]
    losses = [
        SampleLoss(sample.sample_id, 2 * loss, loss, 2)
        for sample, loss in zip(samples, (1.0, 4.0, 2.0, 3.0), strict=True)
    ]
    settings = Curation(
        method="remove",
        schedule="dynamic",
        score="loss_mean",
        rule="top_fraction",
        ratio=0.5,
        std=2.0,
        pair_with="keep",
    )
    proposals = propose(
        samples,
        losses,
        epoch=1,
        curation=settings,
        details=CurationDetails(rounding="floor", easier_captions=None),
        prompt_mode="concat",
        captions={sample.image_id: (sample.caption,) for sample in samples},
        uses={},
        seed=0,
        given={},
    )
    edits = settle(proposals, epoch=1)
    assert [edit.sample_id for edit in edits] == ["b#0", "d#0"]
    assert [sample.image_id for sample in apply_edits(samples, edits)] == ["a", "c"]
