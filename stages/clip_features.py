"""CLIP's vectors of what all experiments share: images and references of two splits."""

import shutil

from caption_curation.metrics.status import read_reason, write_reason
from caption_curation.samples import read_images
from stages import paths, run

SPLITS = ("val", "test")


def main() -> None:
    """Write val.safetensors and test.safetensors, or why there are none."""
    reason = read_reason(paths.CLIP)
    partial = paths.CLIP_FEATURES.with_name("features.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write_reason(partial, reason)
    if reason is None:
        from safetensors.numpy import save_file

        from caption_curation.clip_features import split_features
        from caption_curation.clip_model import load_clip
        from caption_curation.devices import prepare_device

        clip = load_clip(paths.CLIP, prepare_device())
        for split in SPLITS:
            images = read_images(paths.CORPUS / f"{split}.jsonl")
            features = split_features(clip, images, paths.CORPUS / "images")
            save_file(features, partial / f"{split}.safetensors")
    shutil.rmtree(paths.CLIP_FEATURES, ignore_errors=True)
    partial.rename(paths.CLIP_FEATURES)


if __name__ == "__main__":
    run(main)
