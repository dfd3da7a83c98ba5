"""Check params.yaml and the profile before anything runs, and list every fault at once."""

from pathlib import Path

from caption_curation import paths
from caption_curation.config.inputs import check_inputs
from caption_curation.config.params import Params, load_params
from caption_curation.config.profile import LocalModel
from caption_curation.support.arithmetic import check_processor
from caption_curation.text_to_image.family import refuse_unsupported
from stages import run


def main() -> None:
    """Write a file that always says the same, so that only a fault has consequences."""
    params = load_params()
    check_inputs(params)
    check_processor(params.experiment.compute.arithmetic)
    _check_generator(params)
    paths.PARAMETERS.parent.mkdir(exist_ok=True)
    paths.PARAMETERS.write_text("The parameters are valid.\n")


def _check_generator(params: Params) -> None:
    """Whether it has what is asked of it, if it is here: others are asked when they are."""
    section, experiment = params.profile.generator, params.experiment
    folder = Path(experiment.inputs.generator)
    if isinstance(section.base, LocalModel) and (folder / "model_index.json").is_file():
        refuse_unsupported(
            folder, synthesis=experiment.synthesis, prompt=experiment.prompt, section=section
        )


if __name__ == "__main__":
    run(main, check_versions=True)
