"""CLIP's vectors of what all experiments share: images and references of two splits."""

from pathlib import Path

from caption_curation import paths
from caption_curation.image_index import split_files
from caption_curation.metrics.status import read_reason, write_reason
from caption_curation.samples import read_images
from caption_curation.support.outputs import atomic_folder
from stages import run

SPLITS = ("val", "test")


def main() -> None:
    """Write val.safetensors and test.safetensors, or why there are none."""
    reason = read_reason(paths.CLIP)
    with atomic_folder(paths.CLIP_FEATURES) as folder:
        write_reason(folder, reason)
        if reason is None:
            _write_features(folder)


def _write_features(folder: Path) -> None:
    from safetensors.numpy import save_file

    from caption_curation.compute.devices import prepare_device
    from caption_curation.metrics.clip.features import split_features
    from caption_curation.metrics.clip.model import load_clip

    files = {split: split_files(paths.CORPUS, split) for split in SPLITS}
    clip = load_clip(paths.CLIP, prepare_device())
    for split in SPLITS:
        images = read_images(paths.CORPUS / f"{split}.jsonl")
        save_file(split_features(clip, images, files[split]), folder / f"{split}.safetensors")


if __name__ == "__main__":
    run(main, check_versions=True)
