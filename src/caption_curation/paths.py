"""Where the stages read and write, relative to the repository's root; dvc.yaml says the same.

Epoch 0 is the state before training: the base captioner and the edits of the static schedule.
"""

from pathlib import Path

PROFILE = Path("data/profile.txt")  # the record that there is one of the chosen name
PARAMETERS = Path("data/parameters.txt")  # the record that they are valid
# images/, summary.json, and of each split SPLIT.jsonl and SPLIT_images.jsonl; whole_train has those
# images too that data.train_fraction leaves out of train
CORPUS = Path("data/corpus")
PHOTOGRAPHS = CORPUS / "images"
CORPUS_FINDINGS = Path("data/corpus_findings")  # duplicates.jsonl, images.jsonl, summary.json
GROUND_TRUTH = Path("data/ground_truth")  # noise.jsonl, scenes.jsonl: the demo world's; or empty
# train.jsonl, train_images.jsonl, summary.json; and images/ unless they are the captioner's own
GENERATOR_CORPUS = Path("data/generator_corpus")
BASE_GENERATOR = Path("data/base_generator")
GENERATOR_LATENTS = Path("data/generator_latents")  # of its corpus; empty if it is not fine-tuned
GENERATOR = Path("data/generator")
OTHER_GENERATORS = Path("data/other_generators")  # NAME/ of the round trip's, those asked for
FAMILIES = Path("data/families")  # captioner.json, generator.json: digests of the families' code
FINE_TUNED = FAMILIES / "fine_tuned.json"  # whether the generator is
ROUND_TRIP = Path("data/round_trip")

CLIP = Path("data/clip/model")  # status.json; a CLIP in the hub's layout, if there is one
CLIP_FEATURES = Path("data/clip/features")  # status.json; val.safetensors, test.safetensors
SPICE = Path("data/spice")  # status.json; both of SPICE's files, or none

CLIP_SCORES = Path("reports/clip_scores.json")  # of every caption
EVALUATION = Path("reports/evaluation")
TEST_CAPTIONS = Path("reports/test_captions.json")
REPORT = Path("reports/report.html")
CORPUS_REPORT = Path("reports/corpus")  # index.html, corpus.json, caption_lengths.svg and .png

HUMAN_STUDY = Path("data/human_study")  # as caption_curation.human_study.study.sets describes it
HUMAN_STUDY_REPORT = Path("reports/human_study")  # index.html, figures, tables


def sbert_captions(split: str) -> Path:
    """The caption of each image that prompts of mode ``sbert`` are made from."""
    return (ROUND_TRIP if split == "val" else Path("data")) / "sbert_captions.jsonl"


def captioner(epoch: int) -> Path:
    """The captioner after an epoch, in the hub's layout."""
    return _epoch(epoch) / "captioner"


def optimizer(epoch: int) -> Path:
    """The optimizer's state after an epoch (from epoch 1)."""
    return _epoch(epoch) / "optimizer.safetensors"


def losses(epoch: int) -> Path:
    """The captioner's loss on every sample that it was trained on in this epoch."""
    return _epoch(epoch) / "losses.jsonl"


def scores(epoch: int) -> Path:
    """The score of every sample where it is read from elsewhere; otherwise empty."""
    return _epoch(epoch) / "scores.jsonl"


def proposals(epoch: int) -> Path:
    """What is to become of the samples chosen after this epoch, hardest first."""
    return _epoch(epoch) / "proposals.jsonl"


def synthetic(epoch: int) -> Path:
    """The synthetic images of this epoch's proposals: KEY.jpg, and index.jsonl."""
    return _epoch(epoch) / "synthetic"


def synthesis_counts(epoch: int) -> Path:
    """How many prompts were too long, and how many images needed more than one attempt."""
    return _epoch(epoch) / "synthesis.json"


def recaptions(epoch: int) -> Path:
    """Captions that a model wrote for this epoch's proposals; there are none yet."""
    return _epoch(epoch) / "recaptions.jsonl"


def judgements(epoch: int) -> Path:
    """Measures of what this epoch's proposals would give, for a gate; there are none yet."""
    return _epoch(epoch) / "judgements.jsonl"


def curated(epoch: int) -> Path:
    """What came of this epoch's proposals.

    samples.jsonl: the training set after it; shown.jsonl: the images that these show;
    edits.jsonl: the proposals, decided; uses.jsonl: what may not be proposed again.
    """
    return _epoch(epoch) / "curated"


def samples(epoch: int) -> Path:
    """The training set after this epoch (0: of the first epoch)."""
    return curated(epoch) / "samples.jsonl"


def shown(epoch: int) -> Path:
    """The images that the training set after this epoch shows, with their digests."""
    return curated(epoch) / "shown.jsonl"


def edits(epoch: int) -> Path:
    """The edits after this epoch."""
    return curated(epoch) / "edits.jsonl"


def uses(epoch: int) -> Path:
    """What may not be proposed after this epoch any more."""
    return curated(epoch) / "uses.jsonl"


def validation(epoch: int) -> Path:
    """Captions of the validation split (COCO results JSON)."""
    return _epoch(epoch) / "validation.json"


def verdicts(epoch: int) -> Path:
    """What is wrong with each sample that this epoch was trained on; empty for a real corpus."""
    return _epoch(epoch) / "verdicts.jsonl"


def history(epoch: int) -> Path:
    """All that the report needs of the epochs up to this one."""
    return _epoch(epoch) / "history"


def edit_logs(epochs: int) -> list[str]:
    """The files of a history of so many epochs that have its edits, oldest first."""
    return [f"edits-{epoch}.jsonl" for epoch in range(epochs)]


def best_captioner(epoch: int) -> Path:
    """The captioner with the best validation score among the epochs up to this one."""
    return _epoch(epoch) / "best_captioner"


def _epoch(epoch: int) -> Path:
    return Path("data/epochs") / str(epoch)
