"""Everything that the annotations of a study say, put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caption_curation.human_study.parameters import ErrorRates
from caption_curation.human_study.study.sets import Group, read_study
from caption_curation.reports.human_study.agreement import (
    Agreement,
    Annotator,
    agreement,
    annotations_per_image,
    annotators,
)
from caption_curation.reports.human_study.analysis import (
    ErrorsAgainst,
    Truth,
    category_counts,
    errors_against_clipscore,
    errors_against_loss,
    truth_of,
)
from caption_curation.reports.human_study.collect import (
    AnnotatedImage,
    annotation_files,
    annotations_by_image,
    sufficiently_annotated,
    usable_annotations,
)
from caption_curation.reports.page.statistics import Statistic
from caption_curation.rng import rng_for

EXAMPLES = 4  # of the lowest losses, and of the highest


@dataclass(frozen=True)
class Findings:
    """Everything that the page is made from.

    Attributes:
        is_automatic: whether the annotations are the simulated ones.
        who: the annotators, in words.
        stated_rates: error rates of the simulated annotators, by code.
        problems: annotations that were not used, and why.
        annotations_per_image: how many images have how many annotations.
        at_least: number of annotations that an image needs to be kept.
        kept: the images with enough annotations, by ascending loss.
        counts: number of annotations that mark each category, by loss group.
        loss_unit: may be empty.
        by_loss: the errors against the loss.
        by_clipscore: the same against the CLIPScore, where it is known.
        truth: what the verdicts say, where a program knows.
        agreement: of the annotators, on the images that were kept.
        annotators: what each of them did.
        examples: by heading, images in order.
    """

    is_automatic: bool
    who: str
    stated_rates: Mapping[str, ErrorRates]
    problems: Sequence[str]
    annotations_per_image: Mapping[int, int]
    at_least: int
    kept: Sequence[AnnotatedImage]
    counts: Mapping[str, Mapping[Group, int]]
    loss_unit: str
    by_loss: ErrorsAgainst
    by_clipscore: ErrorsAgainst | None
    truth: Truth | None
    agreement: Agreement
    annotators: Sequence[Annotator]
    examples: Mapping[str, Sequence[AnnotatedImage]]

    @property
    def total(self) -> int:
        """Number of annotations of the images that were kept."""
        return sum(len(image.annotations) for image in self.kept)

    @property
    def images(self) -> int:
        """Number of images of the study."""
        return sum(self.annotations_per_image.values())

    @property
    def correlations(self) -> dict[str, Statistic]:
        """All rank correlations, by what they are of."""
        found = {"loss and mean errors": self.by_loss.rank}
        if self.by_clipscore:
            found["clipscore and mean errors"] = self.by_clipscore.rank
        if self.truth:
            found["loss and true errors"] = self.truth.rank
        return found


def analyse_study(
    study: Path,
    *,
    people: Path,
    automatic: Path,
    verdicts: Mapping[str, Sequence[str]],
    at_least: int,
    stated_rates: Mapping[str, ErrorRates],
) -> Findings:
    """Analyse a study.

    Args:
        study: its folder.
        people, automatic: folders with annotation files; those of people count if there are any.
        verdicts: by image id, the errors that a program knows to be there; or empty.
        at_least: images with fewer annotations are left out.
        stated_rates: error rates of the automatic annotators.

    Raises:
        InputError: the folder is not a study, or no image has enough annotations.
    """
    loss_unit, images = read_study(study)
    files, is_automatic = annotation_files(people, automatic)
    annotations, problems = usable_annotations(files, images)
    by_image = annotations_by_image(images, annotations)
    kept = sufficiently_annotated(images, by_image, at_least)
    count = len({annotation.annotator for image in kept for annotation in image.annotations})
    return Findings(
        is_automatic=is_automatic,
        who=f"{count} {'automatic ' if is_automatic else ''}annotator{'s' if count > 1 else ''}",
        stated_rates=stated_rates if is_automatic else {},
        problems=problems,
        annotations_per_image=annotations_per_image(by_image),
        at_least=at_least,
        kept=kept,
        counts=category_counts(kept),
        loss_unit=loss_unit,
        by_loss=errors_against_loss(kept, rng_for("human study", "loss")),
        by_clipscore=errors_against_clipscore(kept, rng_for("human study", "clipscore")),
        truth=truth_of(images, verdicts, rng_for("human study", "truth")),
        agreement=agreement(kept),
        annotators=annotators(annotations, verdicts),
        examples={
            "Lowest loss": kept[:EXAMPLES],
            "Highest loss": kept[: -EXAMPLES - 1 : -1],
        },
    )
