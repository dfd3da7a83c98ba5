"""``params.yaml`` and a profile, read and validated before anything expensive runs.

``params.yaml`` holds the experiment; ``profiles/<profile>.yaml`` holds the setting it runs in.
"""

from pathlib import Path
from typing import Any

from caption_curation.config.experiment import Experiment
from caption_curation.config.profile import Profile
from caption_curation.support.sections import Section, invalid, read_yaml, validate

PARAMS_FILE = Path("params.yaml")
PROFILES_FOLDER = Path("profiles")


class Params(Section):
    """Everything that is configured: the experiment and the profile that it names."""

    experiment: Experiment
    profile: Profile


def load_params(root: Path = Path(), *, profile: str | None = None) -> Params:
    """Read and validate ``params.yaml`` and the profile that it names.

    Args:
        root: the repository's root folder.
        profile: the name of another profile, to be read instead.

    Raises:
        InvalidParams: with one line for every fault in both files: file, key, value, what is
            allowed.
    """
    faults: list[str] = []
    experiment_file = root / PARAMS_FILE
    raw = read_yaml(experiment_file)
    if profile is not None:
        raw = raw | {"profile": profile}
    experiment = validate(Experiment, raw, experiment_file, faults)

    found = None
    if "profile" in raw:
        key = "profile" if profile else f"{experiment_file}: profile"
        found = _profile(raw["profile"], key, root, faults)
    if experiment is None or found is None:
        raise invalid(faults)
    return Params(experiment=experiment, profile=found)


def _profile(name: Any, key: str, root: Path, faults: list[str]) -> Profile | None:
    available = sorted(path.stem for path in (root / PROFILES_FOLDER).glob("*.yaml"))
    if name not in available:
        faults.append(
            f"{key} = {name!r}: there is no such profile; allowed: {', '.join(available)}"
        )
        return None
    file = root / PROFILES_FOLDER / f"{name}.yaml"
    return validate(Profile, read_yaml(file), file, faults)
