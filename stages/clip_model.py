"""Obtain the CLIP that CLIPScore is computed with."""

from caption_curation.metrics.status import write_reason
from caption_curation.outputs import built_folder
from caption_curation.params import load_params
from stages import paths, run


def main() -> None:
    """Write the profile's CLIP in the hub's layout, or why there is none."""
    source = load_params().profile.clip
    with built_folder(paths.CLIP) as folder:
        write_reason(folder, None if source else "the profile names no CLIP (clip: null)")
        if source:
            from caption_curation.clip_parts import REQUIRED_PARTS
            from caption_curation.model_sources import copy_model, obtain_model

            model = obtain_model(source, required=REQUIRED_PARTS)
            copy_model(model, folder, REQUIRED_PARTS)


if __name__ == "__main__":
    run(main)
