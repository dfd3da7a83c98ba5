"""Caption the images of one variant of the round trip, or the real ones."""

from caption_curation.coco_format import write_results
from caption_curation.config.params import load_params
from caption_curation.round_trip.captioner_folder import captioner_folder
from caption_curation.round_trip.parameters import load_round_trip
from stages import ROOT, round_trip, run_on_processes


def main(variant: round_trip.Shown) -> None:
    """Write a caption for every image of the variant, by item id, as COCO results JSON."""
    params = load_params()
    section = params.profile.captioner
    model = captioner_folder(load_round_trip().captioner)
    files = round_trip.image_files(variant)

    from caption_curation.captioner.captioning import generate_captions
    from caption_curation.captioner.model.captioner import load_captioner
    from caption_curation.compute.arithmetic import begin_computation
    from caption_curation.compute.devices import prepare_device
    from caption_curation.compute.process_group import init_process_group, process_index
    from caption_curation.compute.resuming import UnfinishedWork

    init_process_group()
    device = prepare_device()
    numerical_class = begin_computation(
        device, params.experiment.compute.arithmetic, round_trip.classes_of("captions", variant)
    )
    command = f"python -m stages.round_trip.captions {variant}"
    facts = {"batch_size": section.inference_batch_size, "class": numerical_class}
    with UnfinishedWork(command, ROOT, device, facts) as work:
        captions = generate_captions(
            load_captioner(model, section.image_size, device, instruction=section.instruction),
            list(files.values()),
            prompt=params.experiment.training.prompt,
            evaluation=params.experiment.evaluation,
            beam_length=section.beam_length,
            batch_size=section.inference_batch_size,
            work=work,
        )
        if process_index() > 0:
            return
        target = round_trip.captions_file(variant)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_results(target, dict(zip(files, captions, strict=True)))


if __name__ == "__main__":
    run_on_processes(main)
