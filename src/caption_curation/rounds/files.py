"""A round of curation from files to files, whole or not at all."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from caption_curation.config.experiment import Prompt
from caption_curation.curation.actions import ACTIONS
from caption_curation.edits import KEEP, Edit, apply_edits
from caption_curation.rounds.columns import Named
from caption_curation.rounds.drawn import read_drawn
from caption_curation.rounds.edit_files import edits_content, read_rounds
from caption_curation.rounds.inputs import (
    SampleTable,
    match_losses,
    read_all,
    read_loss_table,
    read_sample_table,
)
from caption_curation.rounds.round import asks_for_image, curate, is_drawn
from caption_curation.rounds.settings import round_settings
from caption_curation.rounds.tables import check_ending, table_content
from caption_curation.samples import Sample
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.outputs import write_atomically
from caption_curation.text_to_image.synthesis.requests import prompt_of

REPLICATE = "replicate"  # a column of the pipeline's own samples


@dataclass(frozen=True)
class Round:
    """What is asked for.

    Attributes:
        samples: the table of the training set before any curation; ``None``: that of the losses.
        losses: the table of numbers; ``None`` in round 0, where a part is drawn.
        named: columns with other names than the usual.
        earlier: files of the edits of earlier rounds.
        settings: the arguments of :func:`.round.curate` on how to choose and what to do.
        epoch: the number of the round; ``None``: the next one.
        seed: of what is drawn at random.
        prompt: how captions become the text that an image is drawn from.
        drawn: a folder or table of the images that were drawn for this round.
        out: the file of edits to be written.
        apply: the file of the edited training set, if it is to be written.
    """

    samples: Path | None
    losses: Path | None
    named: Named
    earlier: Sequence[Path]
    settings: Mapping[str, Any]
    epoch: int | None
    seed: int
    prompt: Prompt
    drawn: Path | None
    out: Path
    apply: Path | None


@dataclass(frozen=True)
class Curated:
    """What came of a round.

    Attributes:
        table: the training set before any curation, as its user keeps it.
        before: the training set before this round.
        log: the edits of all rounds.
        edits: those of this round, hardest first.
        after: the training set now.
        prompts: what the images of this round are drawn from, by sample id.
    """

    table: SampleTable
    before: list[Sample]
    log: list[Edit]
    edits: list[Edit]
    after: list[Sample]
    prompts: dict[str, str]


def curate_files(asked: Round, write_more: Callable[[Curated], str] | None = None) -> list[str]:
    """Write the edits of a round, and the training set after it; a summary in lines.

    Args:
        asked: what is asked for.
        write_more: writes the training set elsewhere, whole, and says in a line what it wrote.

    Raises:
        InputError: with every fault of the files.
    """
    _check_names(asked)
    curated = curate_tables(asked)
    contents = {asked.out: edits_content(asked.out, curated.edits, curated.prompts)}
    if asked.apply is not None:
        rows, columns = edited_rows(curated)
        contents[asked.apply] = table_content(asked.apply, rows, columns)
    more = [write_more(curated)] if write_more else []
    for path, content in contents.items():
        write_atomically(path, content)
    return summarise(asked, curated) + more


def curate_tables(asked: Round) -> Curated:
    """The edits of a round and the training set after it.

    Raises:
        InputError: with every fault of the files.
    """
    settings = dict(asked.settings)
    round_settings(
        **settings,
        epoch=1 if asked.epoch is None else asked.epoch,
        with_losses=asked.losses is not None,
    )
    method, score = settings["method"], settings["score"]
    table, losses, log = _read(asked, method, score)
    drawn = read_drawn(asked.drawn, table.rows) if asked.drawn is not None else {}
    edits = curate(
        table.samples,
        losses,
        **settings,
        prompt_mode=asked.prompt.mode,
        seed=asked.seed,
        epoch=_next(log) if asked.epoch is None else asked.epoch,
        earlier=log,
        drawn=drawn,
    )
    before = apply_edits(table.samples, log)
    _check_drawn(edits, before, asked.drawn)
    after = apply_edits(before, edits)
    if not after:
        raise InputError("every sample would be removed: nothing is left to train on")
    prompts = _prompts(edits, table.samples, asked.prompt)
    return Curated(table, before, [*log, *edits], edits, after, prompts)


def _read(
    asked: Round, method: str, score: str
) -> tuple[SampleTable, Mapping[str, float] | None, list[Edit]]:
    """The training set before any curation, the losses of what it is now, and the edits so far."""
    if asked.samples is None:
        if asked.losses is None:
            raise InputError("neither --samples nor --losses: name a file")
        if asked.earlier:
            raise InputError("--edits needs --samples: the training set before the first round")
        table = read_sample_table(asked.losses, asked.named, method, score)
        return table, table.losses, []
    readers: list[Callable[[], Any]] = [
        partial(read_sample_table, asked.samples, asked.named, method, None)
    ]
    if asked.losses is not None:
        readers.append(partial(read_loss_table, asked.losses, asked.named, score))
    table, *others = read_all(*readers)
    log = read_rounds(asked.earlier, table.samples)
    losses = None
    if others:
        losses = match_losses(others[0], apply_edits(table.samples, log), table.samples)
        # Losses of an earlier round in the table of samples would pass for those of today.
        columns = [name for name in table.columns if name != others[0].column]
        table = replace(table, columns=columns)
    return table, losses, log


def edited_rows(curated: Curated) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of the training set now, and their columns.

    They are the user's own, but with the caption and image of today, with a ``sample_id``, which
    the losses of the next round need, and without the losses.
    """
    table = curated.table
    columns = list(table.columns)
    named = table.roles.get("sample_id", "sample_id")
    caption, image = table.roles.get("caption"), table.roles.get("file", "file_name")
    if named not in columns:
        columns.insert(0, named)
    if image not in columns and any(sample.replicate is not None for sample in curated.after):
        columns.append(image)
    rows = []
    for sample in curated.after:
        row = {name: table.rows[sample.sample_id].get(name) for name in columns}
        row[named] = sample.sample_id
        if caption is not None:
            row[caption] = sample.caption
        if sample.replicate is not None:
            row[image] = sample.file
            if REPLICATE in columns:
                row[REPLICATE] = sample.replicate
        rows.append(row)
    return rows, columns


def summarise(asked: Round, curated: Curated) -> list[str]:
    """What was chosen, what became of it, and where it is, in lines."""
    edits = curated.edits
    chosen = f"{len(edits)} of {len(curated.before)} samples chosen"
    became = Counter(
        "kept for want of a replacement" if edit.action == KEEP else ACTIONS[edit.action].outcome
        for edit in edits
        if edit.accepted
    )
    lines = [f"{chosen}: {', '.join(f'{count} {what}' for what, count in became.items())}"]
    if not became:
        lines = [chosen]
    if waiting := sum(not is_drawn(edit) for edit in edits):
        lines.append(
            f"{waiting} of them stay as they are until their images are drawn (--drawn): "
            f"{asked.out} has the prompts"
        )
    lines.append(f"{asked.out}: {len(edits)} edits")
    if asked.apply is not None:
        lines.append(f"{asked.apply}: {len(curated.after)} samples")
    return lines


def _check_names(asked: Round) -> None:
    """Refuse outputs that cannot be written, or that are an input."""
    check_ending(asked.out, (".jsonl", ".csv"))
    inputs = [asked.samples, asked.losses, *asked.earlier, asked.drawn]
    taken = {path.resolve() for path in inputs if path is not None}
    outputs = [asked.out]
    if asked.apply is not None:
        check_ending(asked.apply)
        outputs.append(asked.apply)
    for path in outputs:
        if path.is_dir():
            raise InputError(f"{path}: a folder, not a file")
        if path.resolve() in taken:
            raise InputError(f"{path}: it is read, so that it cannot be written")
        taken.add(path.resolve())


def _next(log: Sequence[Edit]) -> int:
    return max((edit.epoch for edit in log), default=0) + 1


def _check_drawn(edits: Sequence[Edit], before: Sequence[Sample], drawn: Path | None) -> None:
    """Refuse an image of an earlier round that a sample shows already."""
    shown_now = {sample.file for sample in before if sample.replicate is not None}
    faults = [
        f"{edit.after.file} (sample {edit.sample_id}) is shown since an earlier round"
        for edit in edits
        if asks_for_image(edit) and edit.after and edit.after.file in shown_now
    ]
    if faults:
        raise InputError(list_faults(f"{drawn}: faults", faults))


def _prompts(edits: Sequence[Edit], samples: Sequence[Sample], prompt: Prompt) -> dict[str, str]:
    """What the images that edits ask for are drawn from, by sample id."""
    captions: dict[str, list[str]] = {}
    own = {}
    for sample in samples:
        captions.setdefault(sample.image_id, []).append(sample.caption)
        own[sample.sample_id] = sample.caption
    prompts = {}
    for edit in edits:
        if asks_for_image(edit) and edit.after is not None:
            name = edit.sample_id
            of_image = captions[edit.after.image_id]
            if prompt.mode == "others":
                of_image = [caption for caption in of_image if caption != own[name]]
            prompts[name] = prompt_of(of_image, edit.after.caption, prompt)
    return prompts
