"""All scores of captions in files."""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from caption_curation.coco_format import read_candidates_and_references
from caption_curation.config.languages import check_language
from caption_curation.evaluation.numbers import mean_clip_scores
from caption_curation.metrics.all_scores import all_scores
from caption_curation.metrics.clip import REQUIRED_FILES
from caption_curation.metrics.coco.scores import CaptionedSplit, check_captions
from caption_curation.metrics.image_files import find_images
from caption_curation.metrics.languages import without_clip, without_meteor, without_spice
from caption_curation.metrics.spice.files import ARCHIVE, machine_folder, missing_files
from caption_curation.pretrained import obtain_model
from caption_curation.samples import CaptionedImage
from caption_curation.support.errors import InputError


def score_files(
    candidates_file: Path,
    references_files: Sequence[Path],
    *,
    tokenize: bool,
    language: str,
    spice: Literal["auto", "on", "off"],
    images_folder: Path | None,
    clip: Path | None,
) -> dict[str, float | None]:
    """The scores of generated captions, by name.

    Args:
        candidates_file: COCO results (.json), or text with one caption a line.
        references_files: one file of COCO captions, or text files; line i is of image i.
        tokenize: apply the PTB tokenizer of the COCO evaluation, or the one of other languages.
        language: of the captions. What a metric cannot do in it is ``None``, with a line on
            standard error.
        spice: ``auto``: ``None``, with a line on standard error, where SPICE's files are missing;
            ``on``: that is an error; ``off``: without SPICE.
        images_folder: for CLIPScore, with ``clip``: files called as the references' JSON says,
            otherwise like the image id (of text files: the number of the line).
        clip: the folder of a CLIP.

    Raises:
        InputError: files are malformed or missing; before anything is scored.
        OSError: a file cannot be read.
        JavaError: Java did not do its work.
    """
    try:
        check_language(language)
    except ValueError as error:
        raise InputError(f"--language: {error}") from error
    candidates, references = read_candidates_and_references(candidates_file, references_files)
    no_spice = "" if spice == "off" else without_spice(language)
    if no_spice is None and (missing := missing_files(machine_folder())):
        no_spice = f"{missing}; {ARCHIVE} holds them"
    if no_spice and spice == "on":
        raise InputError(f"--spice on: {no_spice}")
    spice_files = machine_folder() if no_spice is None else None
    no_clip = without_clip(language) if clip else None
    split = CaptionedSplit(candidates, references)
    check_captions(candidates, references)
    images: list[CaptionedImage] = []
    if clip and images_folder and no_clip is None:
        obtain_model(clip, required=REQUIRED_FILES)
        files = find_images(images_folder, list(references), references_files[0])
        images = [
            CaptionedImage(image_id, str(file), tuple(captions))
            for file, (image_id, captions) in zip(files, references.items(), strict=True)
        ]
    # METEOR starts before CLIP's libraries are imported, which takes about as long.
    with ThreadPoolExecutor(max_workers=1) as thread:
        result = thread.submit(
            all_scores, [split], spice_files=spice_files, tokenize=tokenize, language=language
        )
        clip_scores = _clip_scores(clip, images, candidates) if clip and images else {}
        scores = result.result()[0].corpus
    if spice == "off":
        del scores["spice"]
    if no_clip:
        clip_scores = mean_clip_scores(None, "test")
    reasons = {"METEOR": without_meteor(language), "SPICE": no_spice, "CLIPScore": no_clip}
    for metric, reason in reasons.items():
        if reason:
            print(f"no {metric}: {reason}", file=sys.stderr)
    return {**scores, **clip_scores}


def _clip_scores(
    model: Path, images: Sequence[CaptionedImage], candidates: Mapping[str, str]
) -> dict[str, float | None]:
    from caption_curation.compute.devices import prepare_device
    from caption_curation.metrics.clip.features import score_split, split_features
    from caption_curation.metrics.clip.model import load_clip
    from caption_curation.model_loading import refuse_non_finite

    clip = load_clip(model, prepare_device())
    refuse_non_finite(clip.model, model)
    files = [Path(image.file_name) for image in images]
    features = split_features(clip, images, files, "the test split")
    return mean_clip_scores({"test": score_split(clip, images, features, candidates)}, "test")
