"""The human study (the paper's section 5.2): what is wrong with generated images, does loss know?

A pipeline of its own, `dvc repro stages/human_study/dvc.yaml`, on the outputs of the round trip.
People annotate in between, with `python -m stages.annotate`.
"""

from pathlib import Path

STUDY = Path("data/human_study")  # a study as caption_curation.human_study.study.sets describes it
CHECKED = STUDY / "parameters.txt"  # says that they are valid
LOSSES = STUDY / "losses.json"  # image_id, loss, clipscore
ANNOTATIONS = "annotations"  # in a study: CODE.jsonl of each annotator; part of the repository
AUTOMATIC = "automatic"  # the same, of the demo's simulated annotators
VERDICTS = "verdicts.jsonl"  # what the demo's checker finds wrong in each image
REPORT = Path("reports/human_study")  # index.html, figures, tables
