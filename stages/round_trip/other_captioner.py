"""Obtain a captioner that is none of the experiment's."""

from caption_curation.captioner.bases.published import write_published
from caption_curation.config.inputs import located_captioner
from caption_curation.config.params import load_params
from caption_curation.round_trip.parameters import OTHER_CAPTIONER, load_round_trip
from stages import run


def main() -> None:
    """Write data/round_trip/captioner in the hub's layout: a folder, the hub or BLIP."""
    params = load_params()
    inputs = params.experiment.inputs
    source = located_captioner(
        load_round_trip().other_captioner, inputs.other_captioner, inputs.other_tokenizer
    )
    section = params.profile.captioner
    write_published(source, section.image_size, OTHER_CAPTIONER, instruction=section.instruction)


if __name__ == "__main__":
    run(main, check_versions=True)
