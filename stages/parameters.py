"""Check params.yaml and the profile before anything runs, and list every fault at once."""

from caption_curation import paths
from caption_curation.config.params import PARAMS_FILE, load_params
from caption_curation.support.errors import InputError, list_faults
from stages import run


def main() -> None:
    """Write a file that always says the same, so that only a fault has consequences."""
    faults = load_params().experiment.missing_inputs()
    if faults:
        raise InputError(list_faults(f"{PARAMS_FILE}: files that are not there", faults))
    paths.PARAMETERS.parent.mkdir(exist_ok=True)
    paths.PARAMETERS.write_text("The parameters are valid.\n")


if __name__ == "__main__":
    run(main, check_versions=True)
