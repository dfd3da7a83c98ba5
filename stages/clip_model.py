"""Obtain the CLIP that CLIPScore is computed with."""

from caption_curation import paths
from caption_curation.config.inputs import located_model
from caption_curation.config.params import load_params
from caption_curation.metrics.languages import without_clip
from caption_curation.metrics.status import write_reason
from caption_curation.support.outputs import atomic_folder
from stages import run


def main() -> None:
    """Write the profile's CLIP in the hub's layout, or why there is none."""
    params = load_params()
    source = params.profile.clip
    reason = without_clip(params.experiment.evaluation.language)
    if source is None:
        reason = "the profile names no CLIP (clip: null)"
    with atomic_folder(paths.CLIP) as folder:
        write_reason(folder, reason)
        if source and reason is None:
            from caption_curation.metrics.clip import REQUIRED_FILES
            from caption_curation.metrics.clip.published import obtain_clip
            from caption_curation.pretrained import copy_model

            located = located_model(source, params.experiment.inputs.clip)
            copy_model(obtain_clip(located), folder, REQUIRED_FILES)


if __name__ == "__main__":
    run(main, check_versions=True)
