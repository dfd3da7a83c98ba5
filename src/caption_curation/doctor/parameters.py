"""The parameters, as the first stage checks them; DVC may end before it, in its own words."""

from pathlib import Path

from caption_curation.config.inputs import check_inputs
from caption_curation.config.params import PARAMS_FILE, load_params
from caption_curation.doctor.findings import Finding, ok, problem
from caption_curation.support.errors import InputError


def check_parameters(root: Path) -> Finding:
    """Whether params.yaml and its profile are valid, and every path of ``inputs`` is there."""
    try:
        params = load_params(root)
        check_inputs(params, root)
    except InputError as error:
        return problem("; ".join(str(error).splitlines()), f"mend {PARAMS_FILE} or the profile")
    return ok(f"{PARAMS_FILE} and profile {params.experiment.profile} are valid, inputs are there")
