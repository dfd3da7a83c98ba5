"""Obtain the CLIP that CLIPScore is computed with."""

import shutil

from caption_curation.metrics.status import write_reason
from caption_curation.params import load_params
from stages import paths, run


def main() -> None:
    """Write the profile's CLIP in the hub's layout, or why there is none."""
    source = load_params().profile.clip
    partial = paths.CLIP.with_name("model.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write_reason(partial, None if source else "the profile names no CLIP (clip: null)")
    if source:
        from caption_curation.clip_parts import REQUIRED_PARTS
        from caption_curation.model_sources import copy_model, obtain_model

        folder = obtain_model(source, required=REQUIRED_PARTS)
        copy_model(folder, partial, REQUIRED_PARTS)
    shutil.rmtree(paths.CLIP, ignore_errors=True)
    partial.rename(paths.CLIP)


if __name__ == "__main__":
    run(main)
