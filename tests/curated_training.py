"""A training set that is curated epoch by epoch, without models and stages."""

from collections.abc import Iterable, Sequence

from caption_curation.curation.decisions import Decision
from caption_curation.curation.epoch import propose, propose_before_training
from caption_curation.curation.settings import Curation, CurationDetails
from caption_curation.curation.settling import Candidate, Judgement, settle
from caption_curation.curation.uses import Uses, add_uses
from caption_curation.edits import Edit, Proposal, apply_edits
from caption_curation.samples import CaptionedImage, SampleLoss, samples_of

DETAILS = CurationDetails(rounding="floor", easier_captions=None)


class CuratedTraining:
    """The samples now, the log of all edits, what was used up, and the last proposals."""

    def __init__(
        self,
        images: Sequence[CaptionedImage],
        curation: Curation,
        *,
        details: CurationDetails = DETAILS,
        prompt_mode: str = "concat",
        seed: int = 0,
        scores: dict[str, float] | None = None,
    ) -> None:
        self.samples = samples_of(images)
        self.log: list[Edit] = []
        self.uses: Uses = {}
        self.proposals: list[Proposal] = []
        self._captions = {image.image_id: image.captions for image in images}
        self._curation, self._details = curation, details
        self._prompt_mode, self._seed = prompt_mode, seed
        self._scores = scores or {}

    def curate(
        self,
        epoch: int,
        losses: Sequence[SampleLoss] = (),
        *,
        judgements: Iterable[Judgement] = (),
        decisions: Iterable[Decision] = (),
    ) -> list[Edit]:
        """Propose, draw, settle and apply; epoch 0 needs no losses."""
        if epoch == 0:
            self.proposals = propose_before_training(
                self.samples,
                curation=self._curation,
                details=self._details,
                prompt_mode=self._prompt_mode,
                captions=self._captions,
                seed=self._seed,
                given=self._scores,
            )
        else:
            self.proposals = propose(
                self.samples,
                losses,
                epoch=epoch,
                curation=self._curation,
                details=self._details,
                prompt_mode=self._prompt_mode,
                captions=self._captions,
                uses=self.uses,
                seed=self._seed,
                given=self._scores,
            )
        edits = settle(
            self.proposals,
            epoch=epoch,
            candidates=drawn(self.proposals, epoch),
            judgements=judgements,
            decisions=decisions,
        )
        self.samples = apply_edits(self.samples, edits)
        self.log += edits
        add_uses(
            self.uses,
            self.proposals,
            edits,
            prompt_mode=self._prompt_mode,
            captions=self._captions,
        )
        return edits


def drawn(proposals: Iterable[Proposal], epoch: int) -> list[Candidate]:
    """What would be drawn for proposals: a file for each."""
    return [
        Candidate(each.sample_id, 1, file=f"data/epochs/{epoch}/synthetic/{each.sample_id}.jpg")
        for each in proposals
        if each.draws_image
    ]
