"""A finished experiment whose results lie in DVC's cache and git alone, made without running it.

Four photographs with awkward names and two captions each are curated twice, with a removal, another
caption and synthetic pictures. Its captioners are small but real.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from caption_curation import paths
from caption_curation.config.profile import ScratchCaptioner, TextSize, VisionSize
from caption_curation.corpora.corpus import image_files, write_split
from caption_curation.curation.settling import settle
from caption_curation.edits import Edit, Proposal, apply_edits, write_edits, write_proposals
from caption_curation.experiments.finished import Repository
from caption_curation.image_index import ImageFile, digest_of, write_index
from caption_curation.samples import (
    CaptionedImage,
    Sample,
    SampleLoss,
    samples_of,
    write_json_lines,
)
from caption_curation.synthetic_index import SyntheticImage, write_synthetic_index
from tests.pipeline.clone import change
from tests.small_run import set_parameters

EPOCHS = 3
BEST = 2
BATCH = 2  # pictures captioned at a time
PROMPT = "a picture of "
GENERATOR = "5" * 64
# Equal names in two folders, one stem with two endings, dots, blanks, letters of other scripts.
TRAIN = [
    CaptionedImage("1", "one/picture.png", ("a red wall", "one wall, all of it red")),
    CaptionedImage("2", "two/picture.png", ("a green wall", "it's a man's green wall")),
    CaptionedImage("3", "1.2.jpg", ('a "blue" wall, <b>bold</b>', "one wall | all of it blue")),
    CaptionedImage("4", "été à la mer.PNG", ("a white wall", "=1+1 walls are white")),
    CaptionedImage("5", "test.jpg", ("a grey wall", "one grey wall")),
]
VAL = [
    CaptionedImage("6", "1.2.png", ("a black wall", "one black wall")),
    CaptionedImage("7", "Test.JPG", ("a pink wall", "one pink wall")),
]
TEST = [
    CaptionedImage("8", "CON.png", ("a brown wall", "one brown wall")),
    CaptionedImage("9", "-x.png", ("a cyan wall", "one cyan wall")),
]
SPLITS = {"train": TRAIN, "val": VAL, "test": TEST}
SIZE = ScratchCaptioner(
    source="scratch",
    seed=0,
    vocabulary_size=150,
    initializer_range=0.08,
    vision=VisionSize(hidden_size=32, layers=1, heads=2, patch_size=8),
    text=TextSize(hidden_size=32, layers=1, heads=2, dropout=0.1),
)
PROVENANCE = [
    {
        "image_id": "1",
        "licence": "https://creativecommons.org/licenses/by/2.0/",
        "author": "Ann",
        "source_url": "https://example.org/1",
    },
    {"image_id": "2", "licence": None, "author": "Ben | Bob", "source_url": None},
]


@dataclass(frozen=True)
class Project:
    """A repository with one finished experiment, which is the workspace's and HEAD's."""

    root: Path
    cache: Path
    samples: Mapping[int, Sequence[Sample]]  # by the epoch after which they are
    edits: Sequence[Edit]
    bytes_of: Mapping[str, bytes]  # of the image files, by their paths in the project

    @property
    def repository(self) -> Repository:
        """As commands see it."""
        return Repository(self.root, self.cache)


def write_project(
    root: Path, *, captioner: bool = True, captioners: Callable[[Path], None] | None = None
) -> Project:
    """A project under ``root``; its results are in the cache and not in the workspace.

    Args:
        root: to be made.
        captioner: whether there are captioners too, which take a second.
        captioners: what writes them, of every epoch; ``None``: those are BLIPs.
    """
    root.mkdir(parents=True)
    set_parameters(
        root,
        {"training.epochs": EPOCHS, "training.prompt": PROMPT, "curation.method": "replace_image"},
    )
    change(root / "profiles/demo.yaml", {"captioner.inference_batch_size": BATCH})
    rng = np.random.default_rng(0)
    _write_corpus(root, rng)
    edits = _edits()
    samples = {}
    current = samples_of(TRAIN)
    for epoch in range(EPOCHS):
        made = [edit for edit in edits if edit.epoch == epoch]
        current = apply_edits(current, made)
        samples[epoch] = current
        write_json_lines(root / paths.samples(epoch), current)
        write_edits(root / paths.edits(epoch), made)
        _draw(root, epoch, made, rng)
        files = dict.fromkeys(str(sample.file) for sample in current)
        write_index(
            root / paths.shown(epoch),
            (ImageFile(file, digest_of((root / file).read_bytes())) for file in files),
        )
        _write_proposals(root, epoch, made)
    for epoch in range(1, EPOCHS + 1):
        losses = [
            SampleLoss(sample.sample_id, 10.0 * epoch + number, 5.0 - number / 8, 3)
            for number, sample in enumerate(samples[epoch - 1])
        ]
        write_json_lines(root / paths.losses(epoch), losses)
    (root / paths.GENERATOR).mkdir(parents=True)
    (root / paths.GENERATOR / "digest.json").write_text(json.dumps({"sha256": GENERATOR}))
    if captioner:
        (captioners or _write_captioner)(root)
        shutil.copytree(root / paths.captioner(BEST), root / paths.best_captioner(EPOCHS))
        _write_evaluation(root)
    bytes_of = {
        file.relative_to(root).as_posix(): file.read_bytes()
        for folder in (root / paths.PHOTOGRAPHS, *(root / "data/epochs").glob("*/synthetic"))
        for file in folder.rglob("*")
        if file.is_file() and file.suffix != ".jsonl"
    }
    cache = root / ".dvc" / "cache"
    _record(root, cache)
    shutil.rmtree(root / "data")
    shutil.rmtree(root / "reports", ignore_errors=True)
    return Project(root, cache, samples, edits, bytes_of)


def _write_corpus(root: Path, rng: np.random.Generator) -> None:
    corpus = root / paths.CORPUS
    for split, images in SPLITS.items():
        digests = {}
        for image in images:
            file = corpus / "images" / image.file_name
            file.parent.mkdir(parents=True, exist_ok=True)
            _noise(rng).save(file)
            digests[image.file_name] = digest_of(file.read_bytes())
        write_split(split, images, image_files(digests, paths.CORPUS), corpus)
    write_json_lines(corpus / "provenance.jsonl", PROVENANCE)


def _noise(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (32, 40, 3), dtype=np.uint8))


def _edits() -> list[Edit]:
    """After epoch 1 three samples change and one stays; after epoch 2 one is drawn anew."""
    first = {sample.sample_id: sample for sample in samples_of(TRAIN)}

    def drawn(sample: Sample, epoch: int, replicate: int) -> Sample:
        file = paths.synthetic(epoch) / f"{key_of(sample.sample_id, replicate)}.jpg"
        return replace(sample, file=file.as_posix(), replicate=replicate)

    again = drawn(first["3#0"], 1, 0)
    after_1 = [
        Proposal("remove", first["5#1"], None, {"score": 4.0}),
        Proposal("replace_image", first["3#0"], again, {"score": 3.0}),
        Proposal(
            "replace_caption", first["2#0"], replace(first["2#0"], caption=TRAIN[1].captions[1]), {}
        ),
        Proposal("keep", first["4#0"], first["4#0"], {"score": 2.0}, "no other caption"),
    ]
    after_2 = [
        Proposal("replace_image", again, drawn(again, 2, 1), {"score": 2.5}),
        Proposal("replace_image", first["1#1"], drawn(first["1#1"], 2, 0), {"score": 2.25}),
    ]
    return [*settle(after_1, epoch=1), *settle(after_2, epoch=2)]


def key_of(sample_id: str, replicate: int) -> str:
    """The name of a synthetic image, 64 hexadecimal digits."""
    return hashlib.sha256(f"{sample_id} {replicate}".encode()).hexdigest()


def prompt_of(sample_id: str) -> str:
    """What a sample's synthetic images are drawn from."""
    return f"prompt of {sample_id}"


def _draw(root: Path, epoch: int, edits: Iterable[Edit], rng: np.random.Generator) -> None:
    folder = root / paths.synthetic(epoch)
    folder.mkdir(parents=True)
    images = []
    for edit in edits:
        if edit.after and edit.after.file != edit.before.file:
            file = root / str(edit.after.file)
            _noise(rng).save(file, quality=95)
            images.append(
                SyntheticImage(
                    sample_id=edit.sample_id,
                    candidate=1,
                    key=file.stem,
                    seed=2**63 - epoch,
                    md5=digest_of(file.read_bytes()),
                    attempt=0,
                    prompt=prompt_of(edit.sample_id),
                )
            )
    write_synthetic_index(folder / "index.jsonl", images)


def _write_proposals(root: Path, epoch: int, edits: Iterable[Edit]) -> None:
    """What was decided, before it was drawn and decided."""
    proposals = [
        Proposal(
            edit.action,
            edit.before,
            replace(edit.after, file=None)
            if edit.after and edit.after.file != edit.before.file
            else edit.after,
            edit.evidence,
            edit.reason,
        )
        for edit in edits
    ]
    write_proposals(root / paths.proposals(epoch), proposals)
    for path in (paths.recaptions(epoch), paths.judgements(epoch)):
        write_json_lines(root / path, [])


def _write_captioner(root: Path) -> None:
    import torch

    from caption_curation.captioner.bases.scratch import build_captioner
    from caption_curation.captioner.model.captioner import save_captioner

    captions = [caption for image in TRAIN for caption in image.captions]
    for epoch in range(1, EPOCHS + 1):
        captioner = build_captioner(SIZE, captions, PROMPT, 32)
        torch.manual_seed(epoch)
        for parameter in captioner.model.parameters():
            parameter.data += 0.02 * torch.randn_like(parameter)
        save_captioner(captioner, root / paths.captioner(epoch))


def _write_evaluation(root: Path) -> None:
    """What the test split's captions scored, of two pictures; the numbers are made up."""
    folder = root / paths.EVALUATION
    folder.mkdir(parents=True)
    scores = {"cider": 0.75, "bleu_4": 0.25, "spice": None}
    (folder / "metrics.json").write_text(json.dumps({"best_epoch": BEST, "test": scores}))
    meteor = [14, 11, 5, 4, 7, 7, 3, 3, *[0] * 12, 2, 10, 10]
    write_json_lines(
        folder / "images.jsonl",
        [
            {"image_id": image_id, "bleu": [14, 14, 14, 11, 8, 5], "meteor": meteor}
            | {"rouge_l": 0.5, "cider": cider}
            for image_id, cider in (("8", 0.5), ("9", 1.0))
        ],
    )


def _record(root: Path, cache: Path) -> None:
    """Put all outputs into the cache, write the locks of the stages that made them, and commit."""
    stages: dict[str, dict[str, Any]] = {"main": {}, "epochs": {}}
    stages["main"]["corpus"] = _stage(root, cache, [paths.CORPUS])
    stages["main"]["base_captioner"] = _stage(root, cache, [paths.captioner(0)])
    stages["main"]["generator"] = _stage(root, cache, [paths.GENERATOR])
    for epoch in range(EPOCHS):
        stages["epochs"][f"settle@{epoch}"] = _stage(root, cache, [paths.curated(epoch)])
        stages["epochs"][f"synthesize@{epoch}"] = _stage(root, cache, [paths.synthetic(epoch)])
        stages["epochs"][f"curate@{epoch}"] = _stage(root, cache, [paths.proposals(epoch)])
        stages["epochs"][f"recaption@{epoch}"] = _stage(root, cache, [paths.recaptions(epoch)])
        stages["epochs"][f"judge@{epoch}"] = _stage(root, cache, [paths.judgements(epoch)])
    for epoch in range(1, EPOCHS + 1):
        outputs = [paths.captioner(epoch), paths.best_captioner(epoch)]
        stages["epochs"][f"train@{epoch}"] = _stage(root, cache, outputs)
        stages["epochs"][f"score@{epoch}"] = _stage(root, cache, [paths.losses(epoch)])
    stages["main"]["evaluate"] = _stage(root, cache, [paths.EVALUATION])
    stages["main"]["report"] = {"deps": [], "outs": [], "params": {"params.yaml": {}}}
    for file, of_file in (("dvc.lock", "main"), ("stages/epochs/dvc.lock", "epochs")):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(yaml.safe_dump({"stages": stages[of_file]}))
    (root / ".gitignore").write_text("/data\n/reports\n/.dvc\n")
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.org"]
    for words in (["init", "-q"], ["add", "--all"], ["commit", "-q", "-m", "run"]):
        subprocess.run(["git", *identity, *words], cwd=root, check=True)


def _stage(root: Path, cache: Path, outputs: Iterable[Path]) -> dict[str, Any]:
    outs = [
        {"path": path.as_posix(), "md5": _put(root / path, cache)}
        for path in outputs
        if (root / path).exists()
    ]
    return {"deps": [], "outs": outs}


def _put(path: Path, cache: Path) -> str:
    if path.is_file():
        return _object(path.read_bytes(), "", cache)
    entries = [
        {"relpath": file.relative_to(path).as_posix(), "md5": _object(file.read_bytes(), "", cache)}
        for file in sorted(path.rglob("*"))
        if file.is_file()
    ]
    return _object(json.dumps(entries).encode(), ".dir", cache)


def _object(content: bytes, ending: str, cache: Path) -> str:
    digest = hashlib.md5(content).hexdigest() + ending
    file = cache / "files" / "md5" / digest[:2] / digest[2:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return digest
