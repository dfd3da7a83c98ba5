"""Obtain the captioner that fine-tuning starts from."""

from pathlib import Path

from caption_curation import paths
from caption_curation.config.inputs import located_captioner
from caption_curation.config.params import load_params
from caption_curation.config.profile import BlipCheckpoint, Captioner, ScratchCaptioner
from caption_curation.numerical_classes import write_classes
from caption_curation.samples import read_images
from caption_curation.support.outputs import atomic_folder
from stages import run


def main() -> None:
    """Write the base captioner in the hub's layout: from scratch, a folder, the hub or BLIP."""
    params = load_params()
    section = params.profile.captioner
    if isinstance(section.base, ScratchCaptioner | BlipCheckpoint):
        from caption_curation.compute.arithmetic import begin_computation
        from caption_curation.compute.devices import prepare_device

        # BLIP's checkpoint: its positions may have to be interpolated.
        arithmetic = params.experiment.compute.arithmetic
        begin_computation(prepare_device(), arithmetic, paths.captioner(0))
    if isinstance(section.base, ScratchCaptioner):
        from caption_curation.captioner.bases.scratch import build_captioner
        from caption_curation.captioner.model.captioner import save_captioner

        images = read_images(paths.CORPUS / "train.jsonl")
        captioner = build_captioner(
            section.base,
            [caption for image in images for caption in image.captions],
            params.experiment.training.prompt,
            section.image_size,
        )
        with atomic_folder(paths.captioner(0)) as folder:
            save_captioner(captioner, folder)
            refuse_unusable(folder, section)
    else:
        from caption_curation.captioner.bases.published import write_published

        inputs = params.experiment.inputs
        source = located_captioner(section.base, inputs.captioner, inputs.tokenizer)
        write_published(
            source,
            section.image_size,
            paths.captioner(0),
            instruction=section.instruction,
            adapter=section.fine_tuning.adapter,
        )
        if not isinstance(section.base, BlipCheckpoint):
            write_classes(paths.captioner(0), [])


def refuse_unusable(folder: Path, section: Captioner) -> None:
    """Refuse what the profile asks of a captioner made from scratch, if it cannot be had of it."""
    if section.instruction is None and section.fine_tuning.adapter is None:
        return
    from caption_curation.captioner.bases.published import obtain_captioner

    obtain_captioner(
        folder,
        section.image_size,
        instruction=section.instruction,
        adapter=section.fine_tuning.adapter,
    )


if __name__ == "__main__":
    run(main, check_versions=True)
