"""Finished DVC experiments, read where they lie: nothing is checked out, run or downloaded.

An experiment is a git commit. Its ``dvc.lock`` files name, by hash, every parameter, every code
file and every output of its stages, and the outputs themselves are in DVC's cache. What the locks
record is therefore enough to say which experiments may be compared.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from caption_curation.config.languages import ENGLISH
from caption_curation.experiments.given import Given, given_to
from caption_curation.support.dvc_cache import object_file
from caption_curation.support.errors import InputError

WORKSPACE = "workspace"
HEAD = "HEAD"
STATES = {"failed": "failed", "running": "still running", "queued": "queued, not run yet"}
LOCKS = ("dvc.lock", "stages/epochs/dvc.lock")
# Sections of params.yaml in which comparable experiments may differ: what is compared, and where
# one machine has its files. What is in these files is compared by what stages made of it; scores
# and decisions are part of the variant.
VARIED = ("seed", "generator_seed", "curation", "inputs")
# Dependencies that are code, or stand for it.
CODE = ("src/", "stages/", "data/families/", "versions.yaml")
# They change no result: the checks at the start, the page at the end, and what only the page shows.
PRESENTATION = ("profile", "parameters", "report", "verdicts")
OF_CURATION = ("scores", "curate", "synthesize", "recaption", "judge", "settle")
# What experiments must share beyond their parameters: a forced run may have made them anew, or
# their parameters may name a folder that holds another model by now.
SHARED_OUTPUTS = (
    "data/corpus",
    "data/epochs/0/captioner",
    "data/generator",
    "data/sbert_captions.jsonl",
    "data/clip/model",
)


class Unusable(Exception):
    """An experiment cannot be compared; the message says why and what would help."""


class NotWritten(Unusable):
    """An output has no such file: its stage did not write one, or did not yet."""


@dataclass(frozen=True)
class Listed:
    """An experiment as DVC lists it.

    ``name`` is ``HEAD`` for the current commit's own run; ``state`` is ``success``, ``queued``,
    ``running`` or ``failed``; ``rev`` is the git commit, or ``WORKSPACE``; ``log`` is the file
    with its output, if it was queued.
    """

    name: str
    rev: str
    state: str
    log: str | None = None


@dataclass(frozen=True)
class FinishedExperiment:
    """A finished experiment.

    Attributes:
        parameters: the content of its params.yaml.
        setting: everything but the seeds and ``curation`` that its results depend on, as flat
            names and values: parameters, code, shared data.
        outputs: path → hash of every output that its stages made.
        sources: files and folders in git that its stages read, but its parameters and profile:
            code, shipped models.
        cache: DVC's cache folder.
        given: the scores and decisions that it read.
    """

    name: str
    parameters: Mapping[str, Any]
    setting: Mapping[str, Any]
    outputs: Mapping[str, str]
    sources: Sequence[str]
    cache: Path
    given: Given

    @property
    def epochs(self) -> int:
        """Number of epochs of its training."""
        return int(self.parameters["training"]["epochs"])

    @property
    def generator_seed(self) -> int:
        """That of its generator; 0 before there were others."""
        return int(self.parameters.get("generator_seed", 0))

    @property
    def language(self) -> str:
        """That of its captions; English before there were others."""
        return str(self.parameters.get("evaluation", {}).get("language", ENGLISH))

    def path(self, output: str, file: str | None = None) -> Path:
        """Where a file lies in DVC's cache; it must not be changed there.

        Args:
            output: path of an output.
            file: path within it, if the output is a folder.

        Raises:
            Unusable: the cache does not have it.
            NotWritten: the output has no such file.
        """
        digest = self.outputs.get(output)
        if digest is None:
            raise Unusable(f"its dvc.lock has no {output}; run it again")
        if file is not None:
            digests = _digests(self._cached(digest, output))
            if file not in digests:
                raise NotWritten(f"its {output} has no {file}; run it again")
            digest, output = digests[file], f"{output}/{file}"
        return self._cached(digest, output)

    def files(self, output: str) -> dict[str, Path]:
        """The files of a folder that is an output, by their paths in it; see :meth:`path`."""
        names = _digests(self.path(output))
        return {name: self.path(output, name) for name in names}

    def _cached(self, digest: str, name: str) -> Path:
        path = object_file(self.cache, digest)
        if not path.is_file():
            bring = self.bring(["--with-deps", "report"])
            raise Unusable(f"{name} is not in DVC's cache; `{bring}` brings it")
        return path

    def bring(self, targets: Sequence[str]) -> str:
        """The command that brings what the cache lacks.

        Args:
            targets: words for ``dvc pull``; an experiment is brought whole.
        """
        if self.name in (WORKSPACE, HEAD):
            return " ".join(["dvc pull", *targets])
        return f"dvc exp pull REMOTE {self.name}"


@lru_cache(maxsize=8)  # of a corpus it has as many entries as there are images
def _digests(listing: Path) -> dict[str, str]:
    """The files of a folder and their hashes, from DVC's listing of it."""
    entries = json.loads(listing.read_text(encoding="utf-8"))
    return {entry["relpath"]: entry["md5"] for entry in entries}


class Repository:
    """The git and DVC repository around ``root``."""

    def __init__(self, root: Path, cache: Path) -> None:
        """Args:
        root: of the repository.
        cache: DVC's cache folder.
        """
        self._root = root
        self._cache = cache

    @cached_property
    def listed(self) -> list[Listed]:
        """All experiments of the current commit by name, the commit's own run, and the workspace.

        The workspace is there only if its parameters or results are not those of the commit.

        Raises:
            InputError: DVC cannot list them.
        """
        command = [sys.executable, "-m", "dvc", "exp", "show", "--json"]
        shown = self._run(command)
        if shown.returncode != 0:
            raise InputError(f"`dvc exp show` failed: {shown.stderr.strip()}")
        workspace, *commits = json.loads(shown.stdout)
        experiments = [
            experiment for commit in commits for experiment in commit["experiments"] or []
        ]
        listed: dict[str, Listed] = {}
        for experiment in experiments:
            executor = experiment["executor"] or {"state": "success", "local": None}
            log = (executor["local"] or {}).get("log")
            # DVC lists the ones of a name that failed after the one that succeeded.
            name = experiment["name"] or experiment["revs"][0]["rev"][:7]
            listed.setdefault(
                name, Listed(name, experiment["revs"][0]["rev"], executor["state"], log)
            )
        found = [listed[name] for name in sorted(listed)]
        found += [Listed(HEAD, commit["rev"], "success") for commit in commits]
        changed = self._run(
            ["git", "diff", "--quiet", "HEAD", "--", "params.yaml", "profiles", *LOCKS]
        ).returncode
        return found + [Listed(WORKSPACE, workspace["rev"], "success")] * bool(changed)

    @cached_property
    def of_other_commits(self) -> list[Listed]:
        """The finished experiments of other commits, the newest first."""
        current = {listed.rev for listed in self.listed}
        fields = "%(objectname) %(refname)"
        command = ["git", "for-each-ref", "--sort=-committerdate", f"--format={fields}"]
        found = []
        for line in self._run([*command, "refs/exps"]).stdout.splitlines():
            rev, reference = line.split(" ", 1)
            # refs/exps/<2 hex>/<38 hex>/NAME; others are DVC's own stashes.
            parts = reference.split("/")
            if len(parts) == 5 and len(parts[3]) == 38 and rev not in current:
                found.append(Listed(parts[4], rev, "success"))
        return found

    def find(self, option: str, names: Sequence[str]) -> list[Listed]:
        """The experiments of these names, also of other commits.

        Args:
            option: of the command line that named them, for the message.
            names: ``HEAD`` and ``workspace`` are such names.

        Raises:
            InputError: a name is unknown; all that there are are named.
        """
        by_name = {entry.name: entry for entry in self.listed}
        for entry in self.of_other_commits:
            by_name.setdefault(entry.name, entry)
        unknown = [name for name in names if name not in by_name]
        if unknown:
            raise InputError(
                f"{option}: unknown: {', '.join(unknown)}; there are: {', '.join(sorted(by_name))}"
            )
        return [by_name[name] for name in names]

    def is_current(self, listed: Listed, experiment: FinishedExperiment) -> bool:
        """Whether the files that made an experiment, parameters aside, are those that lie here."""
        command = ["git", "diff", "--quiet", listed.rev, "--", *experiment.sources]
        return self._run(command).returncode == 0

    def read(self, listed: Listed) -> FinishedExperiment:
        """A finished experiment.

        Raises:
            Unusable: it has not finished, or its parameters are not those of its results.
        """
        if listed.state != "success":
            log = f"; its output is in {self._short(listed.log)}" if listed.log else ""
            raise Unusable(STATES[listed.state] + (log if listed.state == "failed" else ""))
        parameters = self.parameters(listed)
        stages: dict[str, Any] = {}
        for lock in LOCKS:
            stages |= self._yaml(listed.rev, lock).get("stages", {})
        _check_finished(stages, parameters, self._cache)
        relevant = _relevant_stages(stages, int(parameters["training"]["epochs"]))
        outputs = {out["path"]: out["md5"] for stage in relevant.values() for out in stage["outs"]}
        return FinishedExperiment(
            listed.name,
            parameters,
            _setting(relevant, outputs),
            outputs,
            _sources(relevant, outputs),
            self._cache,
            given_to(relevant, CODE),
        )

    def parameters(self, listed: Listed) -> dict[str, Any]:
        """The content of an experiment's params.yaml, whether or not it has finished.

        Raises:
            Unusable: there is no such file.
        """
        return self._yaml(listed.rev, "params.yaml")

    def profile(self, listed: Listed, name: str) -> dict[str, Any]:
        """The content of an experiment's profile.

        Raises:
            Unusable: there is no such file.
        """
        return self._yaml(listed.rev, f"profiles/{name}.yaml")

    def _yaml(self, rev: str, path: str) -> dict[str, Any]:
        if rev == WORKSPACE:
            file = self._root / path
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
        else:
            shown = self._run(["git", "show", f"{rev}:./{path}"])
            text = shown.stdout if shown.returncode == 0 else ""
        if not text:
            raise Unusable(f"has no {path}: it has not been run")
        loaded: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
        return loaded

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self._root, capture_output=True, text=True, check=False)

    def _short(self, path: str) -> str:
        """A path relative to the repository, which is the same on every machine."""
        root = self._root.resolve()
        return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path


def _check_finished(stages: Mapping[str, Any], parameters: Mapping[str, Any], cache: Path) -> None:
    """The last stage has run, with these parameters, on what the stages before it made last."""
    report = stages.get("report")
    if report is None:
        raise Unusable("unfinished: its dvc.lock has no report; `dvc repro` finishes it")
    recorded = report["params"]["params.yaml"]
    changed = sorted(key for key in recorded if recorded[key] != parameters.get(key))
    made = {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}
    stale = sorted(
        dependency["path"]
        for dependency in report["deps"]
        if _made(dependency["path"], made, cache) not in (None, dependency["md5"])
    )
    if changed or stale:
        what = ", ".join([*(f"params.yaml: {key}" for key in changed), *stale])
        raise Unusable(f"unfinished: {what} changed after its report; `dvc repro` finishes it")


def _made(path: str, outputs: Mapping[str, str], cache: Path) -> str | None:
    """The hash of an output, or of a file in one.

    ``None`` for what no stage makes, and for a file in a folder whose list DVC's cache lacks.
    """
    if path in outputs:
        return outputs[path]
    for folder in map(str, PurePosixPath(path).parents):
        if folder in outputs:
            listing = object_file(cache, outputs[folder])
            if not listing.is_file():
                return None
            # A file that is no longer in it has changed, too.
            return _digests(listing).get(str(PurePosixPath(path).relative_to(folder)), "")
    return None


def _relevant_stages(stages: Mapping[str, Any], epochs: int) -> dict[str, Any]:
    """The stages that the results come from: locks also keep epochs of longer runs."""
    relevant = {}
    for name, stage in stages.items():
        kind, _, epoch = name.partition("@")
        # Nothing is curated after the last epoch.
        last = epochs - 1 if kind in OF_CURATION else epochs
        if kind not in PRESENTATION and (not epoch or int(epoch) <= last):
            relevant[name] = stage
    return relevant


def _setting(stages: Mapping[str, Any], outputs: Mapping[str, str]) -> dict[str, Any]:
    setting: dict[str, Any] = {}
    for stage in stages.values():
        for file, values in stage.get("params", {}).items():
            for key, value in _flat(values):
                if file != "params.yaml" or key.split(".")[0] not in VARIED:
                    setting[f"{file}: {key}"] = value
        for dependency in stage["deps"]:
            if dependency["path"].startswith(CODE):
                setting[dependency["path"]] = dependency["md5"]
    return setting | {path: outputs[path] for path in SHARED_OUTPUTS if path in outputs}


def _sources(stages: Mapping[str, Any], outputs: Mapping[str, str]) -> list[str]:
    """What the stages read and none of them made."""
    read = {file for stage in stages.values() for file in stage.get("params", {})}
    read |= {dependency["path"] for stage in stages.values() for dependency in stage["deps"]}
    made = tuple(f"{output}/" for output in outputs)
    return sorted(
        path
        for path in read - {"params.yaml"}
        if not f"{path}/".startswith(made) and not path.startswith("profiles/")
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Dotted names and values; a lock has some names dotted already."""
    found = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found
