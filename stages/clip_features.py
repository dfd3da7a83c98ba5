"""CLIP's vectors of what all experiments share: images and references of two splits."""

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.image_index import split_files
from caption_curation.metrics.status import read_reason, write_reason
from caption_curation.numerical_classes import write_classes
from caption_curation.samples import read_images
from caption_curation.support.outputs import atomic_folder
from stages import ROOT, run

SPLITS = ("val", "test")


def main() -> None:
    """Write val.safetensors and test.safetensors, or why there are none."""
    reason = read_reason(paths.CLIP)
    if reason is None:
        _write_features()
        return
    with atomic_folder(paths.CLIP_FEATURES) as folder:
        write_reason(folder, reason)
    write_classes(paths.CLIP_FEATURES, [])


def _write_features() -> None:
    from safetensors.numpy import save_file

    from caption_curation.compute.arithmetic import begin_computation
    from caption_curation.compute.devices import prepare_device
    from caption_curation.compute.resuming import UnfinishedWork
    from caption_curation.metrics.clip.features import split_features
    from caption_curation.metrics.clip.model import load_clip

    files = {split: split_files(paths.CORPUS, split) for split in SPLITS}
    device = prepare_device()
    arithmetic = load_params().experiment.compute.arithmetic
    numerical_class = begin_computation(device, arithmetic, paths.CLIP_FEATURES)
    clip = load_clip(paths.CLIP, device)
    facts = {"class": numerical_class}
    work = UnfinishedWork("python -m stages.clip_features", ROOT, device, facts)
    with work, atomic_folder(paths.CLIP_FEATURES) as folder:
        write_reason(folder, None)
        for split in SPLITS:
            images = read_images(paths.CORPUS / f"{split}.jsonl")
            features = split_features(clip, images, files[split], split, work)
            save_file(features, folder / f"{split}.safetensors")


if __name__ == "__main__":
    run(main, check_versions=True)
