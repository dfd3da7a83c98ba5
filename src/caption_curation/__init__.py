"""Data curation for image captioning with text-to-image generative models.

The names below are the public surface for use from Python: the training set as data, one epoch's
curation, and the files of both. Everything else may move between versions. They are imported when
they are first used, so that ``import caption_curation`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from caption_curation.curation.decisions import Decision
    from caption_curation.curation.epoch import propose, propose_before_training
    from caption_curation.curation.settings import Curation, CurationDetails
    from caption_curation.curation.settling import Candidate, Judgement, settle
    from caption_curation.curation.uses import ImageUses
    from caption_curation.edits import (
        Edit,
        Proposal,
        apply_edits,
        read_edits,
        read_proposals,
        write_edits,
        write_proposals,
    )
    from caption_curation.exports.ids import keep_ids, read_ids
    from caption_curation.rounds.round import curate
    from caption_curation.samples import (
        CaptionedImage,
        Sample,
        SampleLoss,
        read_images,
        read_losses,
        read_samples,
        samples_of,
        write_json_lines,
    )

__all__ = [
    "Candidate",
    "CaptionedImage",
    "Curation",
    "CurationDetails",
    "Decision",
    "Edit",
    "ImageUses",
    "Judgement",
    "Proposal",
    "Sample",
    "SampleLoss",
    "apply_edits",
    "curate",
    "keep_ids",
    "propose",
    "propose_before_training",
    "read_edits",
    "read_ids",
    "read_images",
    "read_losses",
    "read_proposals",
    "read_samples",
    "samples_of",
    "settle",
    "write_edits",
    "write_json_lines",
    "write_proposals",
]

_HOMES = {
    "Candidate": "caption_curation.curation.settling",
    "Curation": "caption_curation.curation.settings",
    "CurationDetails": "caption_curation.curation.settings",
    "curate": "caption_curation.rounds.round",
    "Decision": "caption_curation.curation.decisions",
    "Edit": "caption_curation.edits",
    "ImageUses": "caption_curation.curation.uses",
    "Judgement": "caption_curation.curation.settling",
    "Proposal": "caption_curation.edits",
    "keep_ids": "caption_curation.exports.ids",
    "read_ids": "caption_curation.exports.ids",
    "propose": "caption_curation.curation.epoch",
    "propose_before_training": "caption_curation.curation.epoch",
    "apply_edits": "caption_curation.edits",
    "read_edits": "caption_curation.edits",
    "read_proposals": "caption_curation.edits",
    "settle": "caption_curation.curation.settling",
    "write_edits": "caption_curation.edits",
    "write_proposals": "caption_curation.edits",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "caption_curation.samples")), name)


def __dir__() -> list[str]:
    return __all__
