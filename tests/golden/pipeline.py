"""Run the stages of the main pipeline for one case after another, and take digests."""

import contextlib
import hashlib
import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from tests.golden.digests import Outputs
from tests.pipeline.clone import REPOSITORY, change

DIGITS = 16  # hexadecimal, of a digest
PICTURES = (".jpg", ".png")
CODE = ("src/", "stages/")
# Its outputs are digests of code, which change with a remark; no result follows from them.
OF_CODE = "python -m stages.families"


@dataclass(frozen=True)
class Step:
    """A stage: its command in dvc.yaml, what that declares of it, and what it writes."""

    command: str
    declared: Mapping[str, Any]
    outputs: tuple[Path, ...]


def steps_in_order() -> list[Step]:
    """The stages that a bare `dvc repro` here would run, by DVC's own word."""
    from caption_curation.experiments.dvc_internals import open_repository, stages_in_order
    from caption_curation.support.declared_inputs import declaration

    here = Path.cwd()
    steps = []
    with open_repository(here) as repository:
        for stage in stages_in_order(repository):
            declared = declaration(stage.cmd, here, here)
            assert declared, stage.cmd
            # The code is the same all the time.
            data = [path for path in declared["deps"] if not path.startswith(CODE)]
            outputs = tuple(Path(out.fs_path).relative_to(here) for out in stage.outs)
            steps.append(Step(stage.cmd, {**declared, "deps": data}, outputs))
    return steps


def run_cases(
    cases: Mapping[str, Mapping[str, Any]], run: Callable[[str], None], until: str | None = None
) -> Outputs:
    """Run the main pipeline in the current folder for one case after another.

    As with `dvc repro`, a stage does not run again that would read what it has read before.

    Args:
        cases: by name, the parameters that each changes (dotted keys of params.yaml).
        run: runs the stage of a command.
        until: the command after which every case ends.
    """
    from caption_curation.support.declared_inputs import inputs_digest

    parameters = Path("params.yaml")
    unchanged = parameters.read_text(encoding="utf-8")
    steps = steps_in_order()
    commands = [step.command for step in steps]
    steps = steps[: commands.index(until) + 1] if until else steps
    last_read: dict[str, str] = {}
    found: Outputs = {}
    for case, changes in cases.items():
        parameters.write_text(unchanged, encoding="utf-8")
        change(parameters, dict(changes))
        for step in steps:
            here = Path()
            reads = inputs_digest(
                step.declared, here, here, [], lambda files: [*map(_sha256, files)]
            )
            if last_read.get(step.command) != reads:
                run(step.command)
                last_read[step.command] = reads
            if step.command != OF_CODE:
                of_step = found.setdefault(step.command, {})
                for path, digest in digests_of(step.outputs):
                    of_step.setdefault(path, {})[case] = digest
    return found


def run_here(command: str) -> None:
    """Run the stage of a command (``python -m stages.caption test 2``) in this process."""
    from caption_curation.support.stage_arguments import read_arguments

    _, _, module, *words = command.split()
    main = importlib.import_module(module).main
    main(*read_arguments(main, module, words))


def run_apart(command: str) -> None:
    """Run the stage of a command as DVC does: in a process of its own, or in several."""
    variables = {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "src")])}
    words = [sys.executable, *command.split()[1:]]
    subprocess.run(words, env=os.environ | variables, check=True)


@contextlib.contextmanager
def one_meteor() -> Iterator[None]:
    """One METEOR process for all stages here: each takes six seconds of a core to start."""
    from caption_curation.config.languages import ENGLISH
    from caption_curation.metrics.coco import scores
    from caption_curation.metrics.coco.meteor import meteor_process

    with meteor_process() as meteor:

        def the_one(language: str) -> contextlib.nullcontext[Any]:
            assert language == ENGLISH
            return contextlib.nullcontext(meteor)

        with mock.patch.object(scores, "meteor_process", the_one):
            yield


def digests_of(outputs: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Every file of some outputs with its digest; the pictures of a folder count as one."""
    for folder, files in _by_folder(outputs):
        pictures = [file for file in files if file.suffix in PICTURES]
        yield from ((str(file), _sha256(file)) for file in files if file not in pictures)
        if pictures:
            lines = "".join(f"{file.name} {_sha256(file)}\n" for file in pictures)
            digest = hashlib.sha256(lines.encode()).hexdigest()[:DIGITS]
            yield f"{folder}/*{pictures[0].suffix}", digest


def _by_folder(outputs: Sequence[Path]) -> Iterator[tuple[Path, list[Path]]]:
    for output in outputs:
        if output.is_file():
            yield output.parent, [output]
        else:
            files = sorted(file for file in output.rglob("*") if file.is_file())
            for folder in sorted({file.parent for file in files}):
                yield folder, [file for file in files if file.parent == folder]


def _sha256(path: Path) -> str:
    """The first digits of the digest of a file's content."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:DIGITS]
