"""Check params.yaml and the profile before anything runs, and list every fault at once."""

from caption_curation import paths
from caption_curation.config.inputs import check_inputs
from caption_curation.config.params import load_params
from caption_curation.support.arithmetic import check_processor
from stages import run


def main() -> None:
    """Write a file that always says the same, so that only a fault has consequences."""
    params = load_params()
    check_inputs(params)
    check_processor(params.experiment.compute.arithmetic)
    paths.PARAMETERS.parent.mkdir(exist_ok=True)
    paths.PARAMETERS.write_text("The parameters are valid.\n")


if __name__ == "__main__":
    run(main, check_versions=True)
