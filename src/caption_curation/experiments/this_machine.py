"""The numerical class of this machine, against those of results that it would go on from.

``python -m caption_curation.experiments.this_machine ARITHMETIC`` prints the class.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caption_curation.config.experiment import Experiment
from caption_curation.evaluation.arithmetic import KINDS, RunClasses, class_names
from caption_curation.experiments.arithmetic import classes_of
from caption_curation.experiments.finished import HEAD, Repository, Unusable
from caption_curation.numerical_classes import MACHINES, UNKNOWN
from caption_curation.support.arithmetic import SWITCHES, Arithmetic
from caption_curation.support.errors import InputError


@dataclass(frozen=True)
class Machine:
    """A machine that has computed with this cache: its class since a time."""

    numerical_class: str
    host: str
    processor: str
    since: str


def class_here(arithmetic: Arithmetic) -> str:
    """The numerical class in which stages compute on this machine.

    A process of its own finds it, in about three seconds, as libraries read their switches only
    once; native arithmetic is this process's too, if that has loaded them.

    Raises:
        InputError: models cannot run here.
    """
    if arithmetic == "native" and "torch" in sys.modules:
        return _class_of_process(arithmetic)
    done = subprocess.run(
        [sys.executable, "-m", "caption_curation.experiments.this_machine", arithmetic],
        env={**os.environ, **(SWITCHES if arithmetic == "portable" else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise InputError(f"no model can run here: {done.stderr.strip()}")
    return done.stdout.strip()


def machines(cache: Path) -> list[Machine]:
    """The machines that have computed with a cache, the first one first; lines that are none apart.

    Args:
        cache: DVC's cache folder.
    """
    found = []
    file = cache / MACHINES
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else []:
        try:
            entry = json.loads(line)
            found.append(Machine(entry["class"], entry["host"], entry["processor"], entry["since"]))
        except (ValueError, KeyError, TypeError):  # written to by two at once
            continue
    return found


def reusable(repository: Repository, experiments: Sequence[Experiment]) -> dict[str, RunClasses]:
    """The classes of results that experiments may go on from, by the name of who has them.

    These are the current commit's own run and its finished experiments, of the same profile and
    with the same arithmetic asked for: results of others belong to other parameters.

    Args:
        repository: where they are.
        experiments: that are to run.
    """
    wanted = {(each.profile, each.compute.arithmetic) for each in experiments}
    found = {}
    for listed in repository.listed:
        if listed.state != "success":
            continue
        try:
            experiment = repository.read(listed)
        except Unusable:
            continue
        parameters = experiment.parameters
        asked = (parameters.get("compute") or {}).get("arithmetic", "native")
        if (parameters.get("profile"), asked) in wanted:
            found[listed.name] = classes_of(experiment)
    return found


def other_results(own: Iterable[str], found: Mapping[str, RunClasses]) -> list[str]:
    """Lines about results of another class than a machine's; none where there are none.

    Results of an unknown class are passed over: nobody can say that they are of another.

    Args:
        own: the classes in which the machine computes.
        found: what :func:`reusable` gives.
    """
    passed = {UNKNOWN, *own}
    kinds: dict[str, list[str]] = {}
    holders: dict[str, list[str]] = {}
    for name, classes in found.items():
        for kind in KINDS:
            for other in sorted(classes.get(kind, frozenset()) - passed):
                kinds.setdefault(other, []).append(KINDS[kind])
                holders.setdefault(other, []).append(name)
    return [
        f"of numerical class {other}: {', '.join(dict.fromkeys(of))} of "
        f"{_names(list(dict.fromkeys(holders[other])))}"
        for other, of in kinds.items()
    ]


def other_machines(own: Iterable[str], log: Iterable[Machine], host: str) -> list[str]:
    """Lines about other machines whose class is another; none where there are none.

    Args:
        own: the classes in which this machine computes.
        log: what :func:`machines` gives.
        host: this machine's name.
    """
    latest = {machine.host: machine for machine in log}
    alike = {machine.host for machine in log if machine.numerical_class in own}
    return [
        f"{each.host} ({each.processor}), which has computed with this cache, is of numerical "
        f"class {each.numerical_class} since {each.since[:10]}"
        for each in latest.values()
        if each.host not in alike | {host}
    ]


def warnings_before(
    repository: Repository, experiments: Sequence[Experiment], cache: Path
) -> list[str]:
    """What is to be said before experiments run here; empty where all is of this machine's class.

    Args:
        repository: where their results will be.
        experiments: that are to run, at least one.
        cache: DVC's cache folder.
    """
    arithmetics = dict.fromkeys(each.compute.arithmetic for each in experiments)
    own = [class_here(arithmetic) for arithmetic in arithmetics]
    results = other_results(own, reusable(repository, experiments))
    lines = results + other_machines(own, machines(cache), socket.gethostname())
    if not lines:
        return []
    remedy = "run all of it on machines of one class"
    if "native" in arithmetics:
        remedy += ", or with compute.arithmetic: portable"
    return [
        f"this machine computes in numerical class {class_names(own)}",
        *lines,
        "what goes on from results of another class is of neither, and the page pairs experiments "
        f"within a class only: {remedy}",
    ]


def _names(names: Sequence[str]) -> str:
    others = [name for name in names if name != HEAD]
    shown = ["this commit's own run"] * (HEAD in names)
    if others:
        shown.append(others[0] if len(others) == 1 else f"{len(others)} experiments")
    return " and ".join(shown)


def _class_of_process(arithmetic: Arithmetic) -> str:
    from caption_curation.compute.arithmetic import enter_arithmetic
    from caption_curation.compute.devices import prepare_device

    return enter_arithmetic(prepare_device(), arithmetic)


if __name__ == "__main__":
    try:
        print(_class_of_process("portable" if "portable" in sys.argv[1:] else "native"))
    except (InputError, ImportError) as error:
        sys.exit(str(error))
