"""Carry out an adoption, and take one back.

What is done is written down first, so that it can be taken back even if it was stopped half-way.
Runs are added to the run cache, and none is changed; each file is written whole.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from caption_curation.adoption import record
from caption_curation.adoption.plan import LOCKS, Plan, PlannedRun
from caption_curation.adoption.record import (
    AdoptedExperiment,
    AdoptedRun,
    AdoptedStage,
    Adoption,
)
from caption_curation.adoption.runs import LOCK, RunCache
from caption_curation.doctor.locks import dvc_at_rest
from caption_curation.experiments import dvc_internals
from caption_curation.experiments.git import Git
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import write_atomically
from caption_curation.text_to_image.image_store.adopted import libraries_of_outputs
from caption_curation.text_to_image.image_store.dvc_images import object_of

PARTIAL = "adopted.partial"
READ_ONLY = 0o444


def apply(root: Path, cache: Path, plan: Plan) -> Path:
    """Do what was planned.

    Args:
        root: the project's folder.
        cache: DVC's cache folder.
        plan: for it.

    Returns:
        The file in which it is written down.

    Raises:
        InputError: DVC is at work here; nothing is changed then.
    """
    git = Git(root)
    with dvc_at_rest(root):
        adoption = _adoption(git, cache, plan)
        written = record.add(cache, adoption)
        for md5 in adoption.objects:
            _add_object(cache, md5, plan.objects[md5])
        for run in plan.runs:
            _add_run(cache, run)
        after = {
            file: {name: (stage.before, stage.after) for name, stage in stages.items()}
            for file, stages in adoption.locks.items()
        }
        _replace_stages(root, after)
        for experiment in adoption.experiments:
            git.set_reference(experiment.reference, experiment.commit, None)
    return written


@dataclass
class Undone:
    """What was taken back: numbers of runs, stages in locks, and experiments; and what was left."""

    adoption: Adoption
    runs: int
    stages: int
    experiments: int
    kept: list[str]


def undo(root: Path, cache: Path) -> Undone:
    """Take the last adoption back: what it added goes, what it changed is as before.

    Runs and experiments that were computed since then stay, those made of adopted ones too, and
    objects that these have; what is no longer as it was adopted is left as it is.

    Raises:
        InputError: there is none, or DVC is at work here.
    """
    known = record.adoptions(cache)
    if not known:
        raise InputError("no adoption is written down in DVC's cache: there is nothing to undo")
    path, adoption = list(known.items())[-1]
    git, runs, kept = Git(root), RunCache(cache / "runs"), list[str]()
    with dvc_at_rest(root):
        experiments = git.experiments()
        removed = 0
        for experiment in adoption.experiments:
            if experiments.get(experiment.reference) == experiment.commit:
                git.remove_reference(experiment.reference, experiment.commit)
                removed += 1
            elif experiment.reference in experiments:
                kept.append(f"experiment {experiment.name}: it is another now")
        before = {
            file: {name: (stage.after, stage.before) for name, stage in stages.items()}
            for file, stages in adoption.locks.items()
        }
        restored, others = _replace_stages(root, before)
        kept += [f"{stage}: it is another now" for stage in others]
        taken = 0
        for run in adoption.runs:
            file = runs.path(run.key, run.value)
            if file.is_file():
                file.unlink()
                taken += 1
            for folder in (file.parent, file.parent.parent):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
        for md5 in _unused(git, cache, adoption.objects):
            object_of(cache, md5).unlink(missing_ok=True)
        record.set_undone(path)
    return Undone(adoption, taken, restored, removed, kept)


def _adoption(git: Git, cache: Path, plan: Plan) -> Adoption:
    """What is written down; the experiments' commits are made, which nobody sees yet."""
    before = record.computed_by(record.adoptions(cache))
    outputs = {out["md5"] for run in plan.runs for out in run.lock["outs"]}
    return Adoption(
        since=plan.since,
        head=plan.head,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        libraries=libraries_of_outputs(cache, sorted(outputs)) if plan.other_libraries else [],
        objects=[md5 for md5 in plan.objects if not object_of(cache, md5).exists()],
        runs=[
            AdoptedRun(
                stage=run.stage,
                key=run.key,
                value=run.value,
                source=list(run.source),
                computed_by=before.get(run.source, plan.since),
                filled=list(run.filled),
            )
            for run in plan.runs
        ],
        locks={
            file: {
                name: AdoptedStage(before=_plain(old), after=_plain(new))
                for name, (old, new) in stages.items()
            }
            for file, stages in plan.locks.items()
        },
        experiments=[
            AdoptedExperiment(
                name=experiment.name,
                reference=experiment.reference,
                commit=git.add_commit(
                    plan.head, experiment.files, experiment.message, experiment.origin
                ),
                origin=experiment.origin,
            )
            for experiment in plan.experiments
        ],
    )


def _add_object(cache: Path, md5: str, text: str) -> None:
    """Write an object as DVC keeps them: whole, and read-only."""
    target = object_of(cache, md5)
    write_atomically(target, text)
    target.chmod(READ_ONLY)


def _unused(git: Git, cache: Path, objects: Collection[str]) -> set[str]:
    """Those objects that nothing names any more: no run, and no lock here or of an experiment."""
    unused = set(objects)
    for text in _texts_that_name_objects(git, cache) if unused else ():
        unused = {md5 for md5 in unused if md5 not in text}
    return unused


def _texts_that_name_objects(git: Git, cache: Path) -> Iterator[str]:
    files = [*(cache / "runs").glob("??/*/*"), *(f for lock in LOCKS for f in git.root.glob(lock))]
    for file in files:
        yield file.read_text(encoding="utf-8", errors="replace")
    for commit in {git.commit("HEAD"), *git.experiments().values()}:
        for name in git.files(commit):
            if Path(name).name == LOCK:
                yield git.show(commit, name) or ""


def _add_run(cache: Path, run: PlannedRun) -> None:
    """Write a run, as old as the one that it is made from: of several, DVC takes the newest."""
    target = RunCache(cache / "runs").path(run.key, run.value)
    if target.exists():
        return
    # Not beside the target: DVC takes every file there for a run.
    partial = cache / "runs" / PARTIAL
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.write_text(dvc_internals.dump_yaml(_plain(run.lock)), encoding="utf-8")
    if run.modified is not None:
        os.utime(partial, (run.modified, run.modified))
    target.parent.mkdir(parents=True, exist_ok=True)
    partial.replace(target)


def _replace_stages(
    root: Path, wanted: Mapping[str, Mapping[str, tuple[Any, Any]]]
) -> tuple[int, list[str]]:
    """Replace stages in dvc.lock files, where they are what they are expected to be.

    Returns:
        How many were replaced, and those that are neither the one nor the other.
    """
    replaced, others = 0, list[str]()
    for file, changes in wanted.items():
        path = root / file
        content = (
            dvc_internals.parse_yaml(path.read_text(encoding="utf-8")) if path.is_file() else {}
        )
        stages = content.get("stages", {})
        matching = [name for name, (expected, _) in changes.items() if stages.get(name) == expected]
        others += [
            f"{file}: {name}"
            for name, (expected, wanted_stage) in changes.items()
            if stages.get(name) not in (expected, wanted_stage)
        ]
        for name in matching:
            stages[name] = changes[name][1]
        if matching:
            write_atomically(path, dvc_internals.dump_yaml(content))
        replaced += len(matching)
    return replaced, others


def _plain(lock: Mapping[str, Any]) -> dict[str, Any]:
    return {key: lock[key] for key in ("cmd", "deps", "params", "outs") if key in lock}
