"""CLIPScore and RefCLIPScore of every generated caption: of all epochs, and of the test split."""

import json

from caption_curation import paths
from caption_curation.coco_format import read_results
from caption_curation.config.params import load_params
from caption_curation.metrics.status import read_reason
from caption_curation.numerical_classes import write_classes
from caption_curation.samples import read_images
from caption_curation.support.outputs import write_atomically
from caption_curation.support.stage_arguments import Epochs
from stages import run


def main(epochs: Epochs) -> None:
    """Write ``scores`` by split and image, or null and the ``reason``."""
    reason = read_reason(paths.CLIP_FEATURES)
    if reason:
        write_classes(paths.CLIP_SCORES, [])
    content = {"reason": reason, "scores": None if reason else _scores(epochs)}
    write_atomically(paths.CLIP_SCORES, json.dumps(content, indent=1) + "\n")


def _scores(epochs: int) -> dict[str, dict[str, dict[str, float]]]:
    """``val_epoch_1`` and so on, and ``test``: by image id, both scores."""
    from safetensors.numpy import load_file

    from caption_curation.compute.arithmetic import begin_computation
    from caption_curation.compute.devices import prepare_device
    from caption_curation.metrics.clip.features import score_split
    from caption_curation.metrics.clip.model import load_clip

    device = prepare_device()
    arithmetic = load_params().experiment.compute.arithmetic
    begin_computation(device, arithmetic, paths.CLIP_SCORES, after=[paths.CLIP_FEATURES])
    clip = load_clip(paths.CLIP, device)
    images = {split: read_images(paths.CORPUS / f"{split}.jsonl") for split in ("val", "test")}
    features = {split: load_file(paths.CLIP_FEATURES / f"{split}.safetensors") for split in images}
    history = paths.history(epochs)
    captions = {
        **{f"val_epoch_{n}": history / f"validation-{n}.json" for n in range(1, epochs + 1)},
        "test": paths.TEST_CAPTIONS,
    }
    return {
        name: score_split(
            clip, images[name.split("_")[0]], features[name.split("_")[0]], read_results(path)
        )
        for name, path in captions.items()
    }


if __name__ == "__main__":
    run(main, check_versions=True)
