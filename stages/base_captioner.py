"""Obtain the captioner that fine-tuning starts from."""

from caption_curation.outputs import built_folder
from caption_curation.params import BlipCheckpoint, ScratchCaptioner, load_params
from caption_curation.samples import read_images
from stages import paths, run


def main() -> None:
    """Write the base captioner in the hub's layout: from scratch, a folder, the hub or BLIP."""
    params = load_params()
    section = params.profile.captioner
    if isinstance(section.base, ScratchCaptioner):
        from caption_curation.captioner import save_captioner
        from caption_curation.devices import prepare_device
        from caption_curation.scratch_captioner import build_captioner

        prepare_device()
        images = read_images(paths.CORPUS / "train.jsonl")
        captioner = build_captioner(
            section.base,
            [caption for image in images for caption in image.captions],
            params.experiment.training.prompt,
            section.image_size,
        )
        with built_folder(paths.captioner(0)) as folder:
            save_captioner(captioner, folder)
    elif isinstance(section.base, BlipCheckpoint):
        from caption_curation.blip_conversion import convert_checkpoint
        from caption_curation.captioner import save_captioner

        captioner = convert_checkpoint(section.base, section.image_size)
        with built_folder(paths.captioner(0)) as folder:
            save_captioner(captioner, folder)
    else:
        from caption_curation.captioner_parts import REQUIRED_PARTS
        from caption_curation.model_sources import copy_model, obtain_model

        model = obtain_model(section.base, required=REQUIRED_PARTS)
        with built_folder(paths.captioner(0)) as folder:
            copy_model(model, folder, REQUIRED_PARTS)


if __name__ == "__main__":
    run(main)
