"""Caption a split: ``validation EPOCH`` after an epoch, ``test EPOCHS`` at the best one."""

from typing import Annotated

from caption_curation import paths
from caption_curation.coco_format import write_results
from caption_curation.config.params import load_params
from caption_curation.image_index import split_files
from caption_curation.samples import read_images
from caption_curation.support.stage_arguments import Epoch, OneOf
from stages import ROOT, run_on_processes


def main(split: Annotated[str, OneOf("validation", "test")], epoch: Epoch) -> None:
    """Write the captions of every image of the split as COCO results JSON."""
    if split == "validation":
        part, model, target = "val", paths.captioner(epoch), paths.validation(epoch)
    else:
        part, model, target = "test", paths.best_captioner(epoch), paths.TEST_CAPTIONS
    params = load_params()
    section = params.profile.captioner
    images = read_images(paths.CORPUS / f"{part}.jsonl")
    files = split_files(paths.CORPUS, part)

    from caption_curation.captioner.captioning import generate_captions
    from caption_curation.captioner.model.captioner import load_captioner
    from caption_curation.compute.arithmetic import begin_computation
    from caption_curation.compute.devices import prepare_device
    from caption_curation.compute.process_group import init_process_group, process_index
    from caption_curation.compute.resuming import UnfinishedWork

    init_process_group()
    device = prepare_device()
    numerical_class = begin_computation(
        device, params.experiment.compute.arithmetic, target, after=[model]
    )
    command = f"python -m stages.caption {split} {epoch}"
    facts = {"batch_size": section.inference_batch_size, "class": numerical_class}
    with UnfinishedWork(command, ROOT, device, facts) as work:
        captions = generate_captions(
            load_captioner(model, section.image_size, device, instruction=section.instruction),
            files,
            prompt=params.experiment.training.prompt,
            evaluation=params.experiment.evaluation,
            beam_length=section.beam_length,
            batch_size=section.inference_batch_size,
            work=work,
        )
        if process_index() == 0:
            by_id = dict(zip((image.image_id for image in images), captions, strict=True))
            write_results(target, by_id)


if __name__ == "__main__":
    run_on_processes(main)
