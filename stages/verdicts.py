"""Judge every sample of an epoch's training set by the demo's ground truth, for the report only."""

from caption_curation import paths
from caption_curation.samples import read_json_lines, read_samples, write_json_lines
from caption_curation.shown_images import shown_files
from caption_curation.support.stage_arguments import TrainedEpoch
from stages import run


def main(epoch: TrainedEpoch) -> None:
    """Write what is wrong with each sample that this epoch was trained on, if that is known."""
    scenes = read_json_lines(paths.GROUND_TRUTH / "scenes.jsonl")
    verdicts = []
    if scenes:  # a real corpus has none
        from tqdm import tqdm

        from caption_curation.ground_truth.judge import GroundTruth

        truth = GroundTruth(scenes)
        samples = read_samples(paths.samples(epoch - 1))
        files = shown_files(samples)
        for sample in tqdm(samples, desc="judging", unit="sample", disable=None):
            is_synthetic = sample.replicate is not None
            faults = truth.faults(sample, files[sample.sample_id] if is_synthetic else None)
            verdicts.append({"sample_id": sample.sample_id, "faults": faults})
        right = sum(not verdict["faults"] for verdict in verdicts)
        print(f"{right} of {len(verdicts)} samples are right")
    write_json_lines(paths.verdicts(epoch), verdicts)


if __name__ == "__main__":
    run(main)
