"""The human study (the paper's section 5.2): what is wrong with generated images, does loss know?

A pipeline of its own, `dvc repro stages/human_study/dvc.yaml`, on the outputs of the round trip.
People annotate in between, with `caption-curation annotate`.
"""

from caption_curation.paths import HUMAN_STUDY

CHECKED = HUMAN_STUDY / "parameters.txt"  # says that they are valid
LOSSES = HUMAN_STUDY / "losses.json"  # image_id, loss, clipscore
