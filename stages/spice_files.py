"""Bring SPICE's two files into the pipeline, if they are wanted and this machine has them."""

import shutil

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.metrics.languages import without_spice
from caption_curation.metrics.spice.files import ARCHIVE, FILES, machine_folder, missing_files
from caption_curation.metrics.status import write_reason
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import atomic_folder
from stages import run


def main() -> None:
    """Write data/spice: the files, or why they are not there (``reason`` in status.json).

    Raises:
        InputError: ``evaluation.spice`` is "on" and a file is missing.
    """
    evaluation = load_params().experiment.evaluation
    choice, source = evaluation.spice, machine_folder()
    reason = without_spice(evaluation.language)
    if choice == "off":
        reason = "evaluation.spice is off"
    elif reason is None and (missing := missing_files(source)):
        if choice == "on":
            raise InputError(
                f"params.yaml: evaluation.spice is on: {missing}; {ARCHIVE} holds them"
            )
        print(f"no SPICE: {missing}; {ARCHIVE} holds them")
        reason = f"{missing}, then `dvc repro -f spice_files`"
    with atomic_folder(paths.SPICE) as folder:
        if reason is None:
            for name in FILES:
                shutil.copyfile(source / name, folder / name)
        else:
            print(f"no SPICE: {reason}")
        write_reason(folder, reason)


if __name__ == "__main__":
    run(main)
