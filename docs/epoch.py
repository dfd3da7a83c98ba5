"""``python -m docs.epoch`` writes docs/explanation/epoch.md and its picture, docs/epoch.svg.

Both come from stages/epochs/dvc.yaml: which stages an epoch has, what each reads and writes. A test
says when they are out of date.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
PIPELINE = REPOSITORY / "stages" / "epochs" / "dvc.yaml"
PAGE = REPOSITORY / "docs" / "explanation" / "epoch.md"
PICTURE = REPOSITORY / "docs" / "epoch.svg"

# In the order of an epoch, each with what it does in one line and the colour of what it writes:
# Okabe and Ito's colours, which people tell apart who see red and green alike, and two greys.
STAGES = {
    "train": ("fine-tune for one epoch", "#0072b2"),
    "score": ("the captioner's losses", "#d55e00"),
    "scores": ("scores from elsewhere", "#999999"),
    "curate": ("propose", "#009e73"),
    "synthesize": ("draw candidates", "#cc79a7"),
    "recaption": ("write candidates", "#5b5b5b"),
    "judge": ("measure candidates", "#56b4e9"),
    "settle": ("decide", "#e69f00"),
    "validate": ("caption validation images", "#8c6d1f"),
    "history": ("link all epochs", "#332288"),
}
OTHERS = "#57606a"  # what comes from outside the epochs
SHOWN_EPOCH = "3"  # any that has one before it; it is called e

# Of the picture, in pixels: narrow, so that it can be read on a telephone.
WIDTH, READS, WRITES = 384, 18, 236
FIRST, NAME, LINE, GAP = 36, 30, 18, 12


@dataclass(frozen=True)
class Stage:
    """A stage of epoch e: its name, its description, and the files that are no code.

    A file is named as the picture shows it: those of epoch e by their place in its folder, those of
    the epoch before with "of e − 1", others by their last folder.
    """

    name: str
    description: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    runs_model: bool


def stages() -> list[Stage]:
    """The stages of epoch e, in order.

    Raises:
        ValueError: the pipeline has other stages than the picture knows.
    """
    content = yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))
    tables: dict[str, Any] = {
        name: table
        for variables in content["vars"]
        if isinstance(variables, dict)
        for name, table in variables.items()
    }
    found = {
        name: _stage(name, stage, tables)
        for name, stage in content["stages"].items()
        if "foreach" in stage
    }
    unknown = found.keys() - STAGES.keys() - {"verdicts"}  # a question of the demo's report only
    if unknown or STAGES.keys() - found.keys():
        raise ValueError(f"{PIPELINE} and {__file__} name other stages: {unknown}")
    return [found[name] for name in STAGES]


def _stage(name: str, stage: Mapping[str, Any], tables: Mapping[str, Any]) -> Stage:
    table = tables[stage["foreach"].strip("${}")]
    item = table[SHOWN_EPOCH] if isinstance(table, dict) else SHOWN_EPOCH
    body = stage["do"]
    return Stage(
        name,
        body["desc"],
        tuple(_names(body["deps"], item)),
        tuple(_names(body["outs"], item)),
        "versions.yaml" in body["deps"],
    )


def _names(paths: list[str], item: Any) -> Iterator[str]:
    for path in paths:
        if path.startswith(("src/", "stages/", "data/families/")) or path == "versions.yaml":
            continue
        values = {"key": SHOWN_EPOCH, "item": SHOWN_EPOCH, "as_text": ""}
        if isinstance(item, dict):
            values |= {f"item.{key}": str(value) for key, value in item.items()}
        resolved = path
        for variable in re.findall(r"\$\{([^}]+)\}", path):
            resolved = resolved.replace(f"${{{variable}}}", values.get(variable, variable))
        yield _name(resolved)


def _name(path: str) -> str:
    before = str(int(SHOWN_EPOCH) - 1)
    for epoch, suffix in ((SHOWN_EPOCH, ""), (before, " of e − 1")):
        folder = f"data/epochs/{epoch}/"
        if path.startswith(folder):
            return path.removeprefix(folder) + suffix
    return path.replace(f"/{SHOWN_EPOCH}.jsonl", "/e.jsonl").removeprefix("data/")


def colour_of(name: str, chain: list[Stage]) -> str:
    """The colour of the stage that writes a file, or of what comes from outside the epochs."""
    file = name.removesuffix(" of e − 1")
    for stage in chain:
        if any(file == output or file.startswith(f"{output}/") for output in stage.writes):
            return STAGES[stage.name][1]
    return OTHERS


def picture() -> str:
    """The SVG: under the name of each stage what it reads, on the left, and what it writes."""
    chain = stages()
    rows: list[str] = []
    top = FIRST
    for stage in chain:
        rows += _row(stage, chain, top)
        top += NAME + max(len(stage.reads), len(stage.writes)) * LINE + GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" '
            f'viewBox="0 0 {WIDTH} {top}" font-family="Helvetica, Arial, sans-serif" role="img">',
            "<title>What each stage of an epoch reads and writes</title>",
            f'<rect width="{WIDTH}" height="{top}" rx="10" fill="#ffffff"/>',
            _text(READS, 22, "stage of epoch e: reads", 'font-weight="600"'),
            _text(WRITES, 22, "writes", 'font-weight="600"'),
            *rows,
            "</svg>\n",
        ]
    )


def _row(stage: Stage, chain: list[Stage], top: int) -> Iterator[str]:
    does, colour = STAGES[stage.name]
    weight = 3 if stage.runs_model else 1
    yield (
        f'<rect x="8" y="{top}" width="{WIDTH - 16}" height="{NAME - 6}" rx="6" fill="#ffffff" '
        f'stroke="{colour}" stroke-width="{weight}"/>'
    )
    yield _text(READS, top + 17, stage.name, 'font-weight="600" font-size="14"')
    yield _text(WIDTH - 18, top + 17, does, 'text-anchor="end"')
    for x, files in ((READS, stage.reads), (WRITES, stage.writes)):
        for place, file in enumerate(files):
            y = top + NAME + 10 + place * LINE
            yield f'<circle cx="{x + 4}" cy="{y}" r="4" fill="{colour_of(file, chain)}"/>'
            yield _text(x + 14, y + 4, file)


def _text(x: int, y: int, text: str, style: str = "") -> str:
    size = "" if "font-size" in style else 'font-size="12.5" '
    return f'<text x="{x}" y="{y}" {size}fill="#1b1f24" {style}>{escape(text)}</text>'


def page() -> str:
    """The page, with a table of the same for those who do not see the picture."""
    rows = [
        f"| `{stage.name}` | {stage.description} | {_listed(stage.reads)} | "
        f"{_listed(stage.writes)} | {'yes' if stage.runs_model else 'no'} |"
        for stage in stages()
    ]
    return PAGE_TEXT.replace("ROWS", "\n".join(rows))


def _listed(files: tuple[str, ...]) -> str:
    return "<br>".join(f"`{file}`" for file in files) or "nothing"


PAGE_TEXT = """\
# The contract of an epoch

<!-- Written by `python -m docs.epoch` from stages/epochs/dvc.yaml. -->

Curation is split where people, gates and other models may have a say: one stage *proposes*,
others make and measure *candidates*, one *settles* what happens. Each stage is a DVC stage of its
own, reads files and writes files, and knows of the others by these alone.

![What each stage of an epoch reads and writes](../epoch.svg)

Files of epoch e lie in `data/epochs/e/`. A dot has the colour of the stage that wrote the file;
grey dots come from outside the epochs. A thick frame: the stage runs a model. Epoch 0 is the
state before training: it has no `train` and no `score`, and the static schedule proposes there
(`curate_static`, `settle_static`).

- **Propose.** `curate` chooses samples by their scores and writes what might become of each: the
  action, the replacement, and the evidence. The same sample, action and replacement is never
  proposed twice; a sample whose removal was turned down is passed over before the rule counts. Of
  the past it reads only the training set and `curated/uses.jsonl`, which is bounded by the
  corpus, so that curation after the last epoch costs little more than after the first.
- **Make candidates.** `synthesize` draws the images of this epoch's proposals, and no others. The
  first candidate of an image is the one that there would be without further ones; the seeds of
  the others come from the image, the replicate and the candidate, so that they are never another
  replicate's image. `recaption` writes captions; no method asks for any yet.
- **Judge.** `judge` measures candidates where a gate asks for it; none does yet.
- **Settle.** `settle` decides by what the others wrote: everything is accepted, unless a
  judgement or a person (`inputs.decisions`, [how](../how-to/review.md)) says otherwise. It writes
  the next training set, the images that it shows with a digest of each, this epoch's edits, and
  what is used up.
- **Train.** `train` and `score` of the next epoch depend on `samples.jsonl` and `shown.jsonl` and
  on no folder of images. If nothing was accepted, both files are those of a run without curation,
  and nothing is trained again. An image with another content has another digest, and what shows
  it runs again.

`history` links every epoch's own files; it is the one dependency of whoever needs all of them.

| Stage | What it does | Reads | Writes | Runs a model |
|---|---|---|---|---|
ROWS
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    PICTURE.write_text(picture(), encoding="utf-8")
