"""Add an epoch to the run's history, and keep the best captioner so far; epoch 0 begins it."""

from pathlib import Path

from caption_curation import paths
from caption_curation.coco_format import read_results
from caption_curation.config.params import load_params
from caption_curation.config.profile import BestEpoch
from caption_curation.edits import read_edits
from caption_curation.evaluation.history import (
    CRITERIA,
    best_epoch,
    copy_file,
    copy_tree,
    gallery_edits,
    read_validation_scores,
    write_validation_scores,
)
from caption_curation.image_index import present_files
from caption_curation.numerical_classes import (
    CLASSES,
    EpochClasses,
    class_file,
    read_classes,
    read_epoch_classes,
    write_epoch_classes,
)
from caption_curation.rng import rng_for
from caption_curation.samples import read_images, read_json_lines, write_json_lines
from caption_curation.support.stage_arguments import Epoch
from caption_curation.synthetic_index import INDEX, read_synthetic_index
from stages import run


def main(epoch: Epoch) -> None:
    """Write the history up to this epoch and the captioner with the best validation score."""
    params = load_params()
    seed, criterion = params.experiment.seed, params.profile.captioner.best_epoch
    language = params.experiment.evaluation.language
    folder = paths.history(epoch)
    references = {
        image.image_id: image.captions for image in read_images(paths.CORPUS / "val.jsonl")
    }
    captions = read_results(paths.validation(epoch))
    # CIDEr whatever the criterion, as the report shows it.
    scores: dict[BestEpoch, dict[str, float]] = {
        name: {str(epoch): CRITERIA[name](captions, references, language)}
        for name in dict.fromkeys(("cider", criterion))
    }
    print(f"epoch {epoch}: validation {criterion} {scores[criterion][str(epoch)]:.3f}")
    best = None
    classes: EpochClasses = {}
    if epoch == 0:
        write_json_lines(folder / "gallery.jsonl", [])
        captioner = paths.captioner(0)
    else:
        copy_tree(paths.history(epoch - 1), folder)
        classes = read_epoch_classes(folder / CLASSES)
        _add_classes(classes, paths.synthetic(epoch - 1), epoch - 1)
        _add_classes(classes, paths.losses(epoch), epoch)
        _add_gallery(epoch - 1, epoch, seed)
        copy_file(paths.losses(epoch), folder / f"losses-{epoch}.jsonl")
        copy_file(paths.edits(epoch - 1), folder / paths.edit_logs(epoch)[-1])
        copy_file(paths.synthesis_counts(epoch - 1), folder / f"synthesis-{epoch - 1}.json")
        earlier = read_validation_scores(folder)
        scores = {name: {**earlier[name], **of} for name, of in scores.items()}
        best = best_epoch(scores[criterion])
        captioner = paths.captioner(epoch) if best == epoch else paths.best_captioner(epoch - 1)
    _add_classes(classes, paths.captioner(epoch), epoch)
    _add_classes(classes, paths.validation(epoch), epoch)
    write_epoch_classes(folder / CLASSES, classes)
    copy_file(paths.validation(epoch), folder / f"validation-{epoch}.json")
    write_validation_scores(folder, scores, best)
    copy_tree(captioner, paths.best_captioner(epoch))


def _add_classes(classes: EpochClasses, result: Path, epoch: int) -> None:
    """Add the numerical classes of an epoch's result, under its name without an ending."""
    classes.setdefault(result.stem, {})[str(epoch)] = read_classes(class_file(result))


def _add_gallery(edited: int, epoch: int, seed: int) -> None:
    """Add the images to show of the edits after epoch ``edited``."""
    folder = paths.history(epoch)
    edits = read_edits(paths.edits(edited))
    chosen = gallery_edits(edits, edited, rng_for(seed, edited, "gallery"))
    keys = {Path(file).stem for _, file in chosen}
    drawn = {
        image.key: image
        for image in read_synthetic_index(paths.synthetic(edited) / INDEX)
        if image.key in keys
    }
    gallery = read_json_lines(folder / "gallery.jsonl")
    (folder / "images").mkdir(exist_ok=True)  # DVC keeps no empty folder
    for edit, file in chosen:
        image = drawn[Path(file).stem]
        gallery.append(
            {
                "epoch": edited,
                "sample_id": edit.sample_id,
                "key": image.key,
                "prompt": image.prompt,
                "seed": image.seed,
            }
        )
        (source,) = present_files([Path(file)])
        copy_file(source, folder / "images" / f"{image.key}.jpg")
    write_json_lines(folder / "gallery.jsonl", gallery)


if __name__ == "__main__":
    run(main)
