"""Read the scores of an epoch's samples from a file of the user's, if they are to come from one."""

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.curation.score_files import read_score_file
from caption_curation.curation.scores import SCORES
from caption_curation.samples import read_images, read_samples, samples_of, write_json_lines
from caption_curation.support.stage_arguments import Epoch
from stages import run


def main(epoch: Epoch) -> None:
    """Write the score of each sample that this epoch was trained on (0: is to be); or nothing."""
    experiment = load_params().experiment
    curation = experiment.curation
    scores = []
    if SCORES[curation.score].is_given and (curation.schedule == "static") == (epoch == 0):
        corpus = samples_of(read_images(paths.CORPUS / "train.jsonl"))
        samples = read_samples(paths.samples(epoch - 1)) if epoch else corpus
        scores = read_score_file(
            experiment.inputs.score_file(epoch),
            [sample.sample_id for sample in samples],
            {sample.sample_id for sample in corpus},
        )
    write_json_lines(paths.scores(epoch), scores)


if __name__ == "__main__":
    run(main)
