"""The captioner's loss on the images of one variant of the round trip, and their CLIPScore."""

import json

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.human_study.parameters import PARAMS_FILE, load_human_study
from caption_curation.metrics.status import read_reason
from caption_curation.round_trip.captioner_folder import captioner_folder
from caption_curation.round_trip.items import one_file_each
from caption_curation.samples import read_images
from caption_curation.support.outputs import write_atomically
from stages import round_trip, run
from stages.human_study import LOSSES


def main() -> None:
    """Write image_id, loss and clipscore of every image; clipscore is null without a CLIP."""
    params = load_params()
    section = params.profile.captioner
    settings = load_human_study()
    model = captioner_folder(settings.captioner, PARAMS_FILE)
    images = read_images(paths.CORPUS / "val.jsonl")
    files = one_file_each(round_trip.images_folder(settings.variant))

    from caption_curation.captioner.model.captioner import load_captioner
    from caption_curation.compute.arithmetic import begin_computation
    from caption_curation.compute.devices import prepare_device
    from caption_curation.human_study.study.scoring import image_clip_scores, image_losses
    from caption_curation.metrics.clip.model import load_clip

    device = prepare_device()
    begin_computation(device, params.experiment.compute.arithmetic, LOSSES)
    losses = image_losses(
        load_captioner(model, section.image_size, device, instruction=section.instruction),
        images,
        files,
        measure=settings.loss,
        prompt=params.experiment.training.prompt,
        max_tokens=section.fine_tuning.max_tokens,
        label_smoothing=params.experiment.training.label_smoothing,
        batch_size=section.inference_batch_size,
    )
    scores: dict[str, float] = {}
    if read_reason(paths.CLIP) is None:
        scores = image_clip_scores(load_clip(paths.CLIP, device), images, files)
    records = [
        {"image_id": image_id, "loss": loss, "clipscore": scores.get(image_id)}
        for image_id, loss in losses.items()
    ]
    write_atomically(LOSSES, json.dumps(records, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    run(main, check_versions=True)
