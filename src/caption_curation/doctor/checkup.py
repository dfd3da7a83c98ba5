"""All checks, in the order in which one would mend what they find."""

from collections.abc import Iterator
from pathlib import Path

from caption_curation.doctor.findings import INSTALL, Finding, problem


def check_all(root: Path) -> Iterator[Finding]:
    """What is in order and what is not in the checkout ``root`` and on this machine.

    A check whose libraries are missing is a problem itself, and the others go on.
    """
    if not (root / "dvc.yaml").is_file() or not (root / "params.yaml").is_file():
        yield problem(f"{root.resolve()} is no checkout of the project", "`cd` to its folder")
        return
    for check in (_environment, _repository, _parameters, _machine, _locks, _arithmetic):
        try:
            yield from check(root)
        except ImportError as error:
            yield problem(str(error), INSTALL)


def _environment(root: Path) -> Iterator[Finding]:
    from caption_curation.doctor.environment import (
        check_java,
        check_model_libraries,
        check_packages,
        check_python,
    )

    yield check_python(root)
    yield check_packages(root)
    yield check_model_libraries(root)
    yield check_java()


def _repository(root: Path) -> Iterator[Finding]:
    from caption_curation.doctor.repository import check_dvc, check_git

    yield from check_git(root)
    yield from check_dvc(root)


def _parameters(root: Path) -> Iterator[Finding]:
    from caption_curation.doctor.parameters import check_parameters

    yield check_parameters(root)


def _locks(root: Path) -> Iterator[Finding]:
    from caption_curation.doctor.locks import check_locks

    yield from check_locks(root)


def _machine(root: Path) -> Iterator[Finding]:
    from caption_curation.doctor.machine import (
        check_disk,
        check_gpus,
        check_shared_memory,
    )

    yield check_disk(root, "the workspace")
    yield check_shared_memory()
    yield check_gpus()


def _arithmetic(root: Path) -> Iterator[Finding]:
    from caption_curation.doctor.arithmetic import check_arithmetic

    yield from check_arithmetic(root)
