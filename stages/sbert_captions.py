"""Of each image of a split, the caption that prompts of mode ``sbert`` are made from."""

from typing import Annotated

from caption_curation import paths
from caption_curation.config.inputs import located_model
from caption_curation.config.params import load_params
from caption_curation.numerical_classes import write_classes
from caption_curation.samples import read_images, write_json_lines
from caption_curation.support.stage_arguments import OneOf
from stages import run


def main(split: Annotated[str, OneOf("train", "val")]) -> None:
    """Write the captions of ``train`` (empty unless prompt.mode is sbert), or of ``val``.

    The validation split's are for the round trip, which always has a prompt of this mode.
    """
    params = load_params()
    source = params.profile.sentence_encoder
    target = paths.sbert_captions(split)
    chosen: dict[str, str] = {}
    if split == "val" or params.experiment.prompt.mode == "sbert":
        from caption_curation.compute.arithmetic import begin_computation
        from caption_curation.compute.devices import prepare_device
        from caption_curation.pretrained import obtain_model
        from caption_curation.text_to_image.sbert_captions import REQUIRED_FILES, sbert_captions

        arithmetic = params.experiment.compute.arithmetic
        begin_computation(prepare_device(), arithmetic, target)
        images = read_images(paths.CORPUS / f"{split}.jsonl")
        encoder = located_model(source, params.experiment.inputs.sentence_encoder)
        chosen = sbert_captions(images, obtain_model(encoder, required=REQUIRED_FILES))
    else:
        write_classes(target, [])
    write_json_lines(
        target,
        ({"image_id": image_id, "caption": caption} for image_id, caption in chosen.items()),
    )


if __name__ == "__main__":
    run(main, check_versions=True)
