"""What people decided about proposals, read from a file of theirs and checked."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from caption_curation.samples import CaptionedImage, has_word, samples_of
from caption_curation.support.reading import read_json_rows
from caption_curation.support.rows import Faults, Row, Text, shown


class Decision(Row):
    """What a person says of a sample that was chosen.

    Attributes:
        epoch: after which it was chosen; 0: before training.
        sample_id: of the sample.
        decision: ``accept`` or ``reject`` what was proposed; or instead ``remove`` the sample, or
            give it a ``caption``.
        caption: to give; empty unless that is the decision.
    """

    epoch: Annotated[int, Field(ge=0)]
    sample_id: Text
    decision: Literal["accept", "reject", "remove", "caption"]
    caption: Text = ""

    @model_validator(mode="after")
    def _caption_goes_with_its_decision(self) -> Self:
        if self.decision == "caption" and not has_word(self.caption):
            raise ValueError("decision caption needs the caption to give, with a word in it")
        if self.decision != "caption" and self.caption:
            raise ValueError(f"decision {self.decision} goes with no caption")
        return self


def read_decisions(path: Path, images: Iterable[CaptionedImage]) -> list[Decision]:
    """The decisions of a file of JSON Lines.

    Args:
        path: of the file.
        images: the training split, whose samples may be decided about.

    Raises:
        InputError: with every fault of the file.
    """
    rows = read_json_rows(path, Decision)
    known = {sample.sample_id for sample in samples_of(images)} if rows else set()
    faults = Faults("line")
    lines: dict[tuple[int, str], int] = {}
    for line, row in rows.items():
        if row.sample_id not in known:
            faults.add(line, f"the corpus has no sample {shown(row.sample_id)}")
        first = lines.setdefault((row.epoch, row.sample_id), line)
        if first != line:
            faults.add(line, f"line {first} decides about the same sample and epoch")
    faults.refuse(path)
    return list(rows.values())
