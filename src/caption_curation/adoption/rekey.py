"""The decision on one finished run: what it would be if today's version had computed it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from caption_curation.adoption.dependencies import ANEW, Dependencies
from caption_curation.adoption.parameters import fit_parameters, flatten
from caption_curation.adoption.rules import Adoptable
from caption_curation.adoption.runs import KnownRuns, PartOf, Record, output
from caption_curation.adoption.templates import (
    MARK,
    Bindings,
    Lock,
    Template,
    bind_all,
    fill,
    marks,
    paths,
)
from caption_curation.adoption.version import Version


@dataclass(frozen=True)
class Foreign:
    """A run of another version than the one that is adopted from; ``why`` says how it shows."""

    why: str


@dataclass(frozen=True)
class Current:
    """A run that today's version would find as it is."""

    stage: str


@dataclass(frozen=True)
class Refused:
    """A run of which nobody can say that today's version would give the same."""

    stage: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Adopted:
    """A run as today's version would have recorded it.

    Attributes:
        stage: as DVC addresses it.
        file: its dvc.yaml.
        name: in it.
        lock: the run.
        filled: what has neutral values.
    """

    stage: str
    file: str
    name: str
    lock: Lock
    filled: tuple[str, ...]


Outcome = Foreign | Current | Refused | Adopted


@dataclass(frozen=True)
class Between:
    """Two versions, and what may be assumed of what lies between them.

    Attributes:
        rules: today's.
        rules_then: those of the other version; ``None``: it had none yet.
        known: all runs; among them are those that say what code of another kind is, such as a
            digest of some modules that a stage writes.
    """

    then: Version
    now: Version
    rules: Adoptable
    rules_then: Adoptable | None
    part_of: PartOf
    part_of_grown: PartOf
    known: KnownRuns
    _made_code: dict[tuple[str, str], list[Record]] = field(default_factory=dict)
    _made_today: dict[str, list[tuple[Lock, Record]]] = field(default_factory=dict)
    _is_code_of: dict[tuple[str, str, str], bool] = field(default_factory=dict)

    def rekey(self, lock: Lock) -> Outcome:
        """Whether and as what a run is adopted."""
        found = self.then.find(lock)
        if found is None:
            return Foreign("no stage has its command and outputs")
        template, bound = found
        bindings = self._of_version(self.then, template, lock, bound)
        if isinstance(bindings, Foreign):
            return bindings
        today = self.now.find(lock, lambda path: self.rules.addition(path) is not None)
        if today is None:
            return Refused(_address(template, bindings), (self._without_stage(template, lock),))
        return self._as_of(today[0], lock, {**_recorded(lock), **bindings, **today[1]})

    def made_again(self, path: str, md5: str) -> list[Record]:
        """What today's stage makes of that of which the other version's made some code."""
        if (path, md5) not in self._made_code:
            makers = self.known.making(path, md5)
            pairs = [(maker, self.rekey(maker)) for maker in makers]
            runs = [
                of.lock if isinstance(of, Adopted) else maker
                for maker, of in pairs
                if isinstance(of, Adopted | Current)
            ]
            records = [self.known.made(run, path) for run in runs]
            self._made_code[path, md5] = [record for record in records if record]
        return self._made_code[path, md5]

    def made_today(self, path: str) -> list[tuple[Lock, Record]]:
        """The runs of today's version that made some code, and what they made."""
        if path not in self._made_today:
            runs = [run for run in self.known.making(path) if self.is_of(self.now, run)]
            records = [(run, self.known.made(run, path)) for run in runs]
            self._made_today[path] = [(run, record) for run, record in records if record]
        return self._made_today[path]

    def is_of(self, version: Version, lock: Lock) -> bool:
        """Whether a run is of a version, as it is."""
        found = version.find(lock)
        if found is None:
            return False
        return not isinstance(self._of_version(version, found[0], lock, found[1]), Foreign)

    def _of_version(
        self, version: Version, template: Template, lock: Lock, bound: Bindings
    ) -> Bindings | Foreign:
        """The values of all marks, if a run is of a version."""
        for path, keys in lock.get("params", {}).items():
            wanted = {fill(file, bound): names for file, names in template.params.items()}
            names = wanted.get(path, ())
            if names is not None and set(names) != set(keys):
                return Foreign(f"it recorded other parameters of {path}")
        bindings = _bind_deps(template, paths(lock["deps"]), bound, version.defaults)
        if bindings is None:
            return Foreign("it has other dependencies")
        fixed = {fill(dep, bound) for dep in template.deps if not MARK.search(fill(dep, bound))}
        for dep in lock["deps"]:
            path = dep["path"]
            record = version.records.get(path)
            if record is not None and path in fixed and record["md5"] != dep["md5"]:
                return Foreign(f"{path} is another")
            made = record is None and self.rules.is_code(path)
            if made and not self._is_code_of_version(version, path, dep["md5"]):
                return Foreign(f"{path} is another")
        return bindings

    def _is_code_of_version(self, version: Version, path: str, md5: str) -> bool:
        """Whether code that a stage made was made by that of a version."""
        key = version.commit, path, md5
        if key not in self._is_code_of:
            makers = self.known.making(path, md5)
            self._is_code_of[key] = any(self.is_of(version, maker) for maker in makers)
        return self._is_code_of[key]

    def _as_of(self, template: Template, lock: Lock, bound: Bindings) -> Outcome:
        """The run as one of today's stage."""
        stage = _address(template, bound)
        before = self.rules_then.changes(stage) if self.rules_then else 1
        if self.rules.changes(stage) != before:
            return Refused(stage, ("what it writes has changed",))
        deps = Dependencies(self, template, lock, bound)
        fitted = fit_parameters(
            lock.get("params", {}),
            {fill(file, bound): keys for file, keys in template.params.items()},
            self.rules,
            self.then.leaves,
            self.now.leaves,
        )
        reasons = [*deps.faults, *sorted(fitted.faults)]
        if reasons:
            return Refused(stage, tuple(reasons))
        adopted = {"cmd": lock["cmd"], "deps": deps.records}
        if fitted.values:
            adopted["params"] = fitted.values
        added = self._added(template, lock, bound)
        outs = [
            *lock["outs"],
            *(output(path, self.rules.added[key]) for path, key in added.items()),
        ]
        adopted["outs"] = sorted(outs, key=lambda out: out["path"])
        if any(self.rules.is_code(path) for path in paths(lock["outs"])):
            known = self.known.like(adopted)
            if known is None:
                return Refused(stage, (f"it is made of code; {ANEW}",))
            adopted = dict(known)
        if _identity(adopted) == _identity(lock):
            return Current(stage)
        filled = (*deps.filled, *sorted(fitted.filled), *dict.fromkeys(added.values()))
        name = fill(template.name, bound)
        return Adopted(stage, template.file, name, adopted, filled)

    def _added(self, template: Template, lock: Lock, bound: Bindings) -> dict[str, str]:
        """Outputs of today's stage that a run lacks, with the key in the rules that states each."""
        outs = [fill(fill(out, bound), self.now.defaults) for out in template.outs]
        keys = {out: self.rules.addition(out) for out in outs if out not in paths(lock["outs"])}
        return {out: key for out, key in keys.items() if key is not None}

    def _without_stage(self, template: Template, lock: Lock) -> str:
        """What became of a run's stage if none has its command and outputs now."""
        today = self.now.named(template.file, template.name)
        if today is None:
            return "there is no such stage any more"
        if today.cmd != template.cmd:
            return f"its command is now `{fill(today.cmd, self.now.defaults)}`, was `{lock['cmd']}`"
        outs = ", ".join(sorted(fill(out, self.now.defaults) for out in today.outs))
        return f"its outputs are now {outs}, were {', '.join(paths(lock['outs']))}"


def _bind_deps(
    template: Template, deps: list[str], bound: Bindings, defaults: Mapping[str, str]
) -> Bindings | None:
    """The values of marks with which a stage's dependencies are a run's; ``None``: there are none.

    A mark that only dependencies have is its default where the run depends on that.
    """
    values = dict(bound)
    for dep in template.deps:
        usual = {name: defaults[name] for name in marks(fill(dep, values)) if name in defaults}
        if usual and fill(dep, {**values, **usual}) in deps:
            values |= usual
    return bind_all(template.deps, deps, values)


def _recorded(lock: Lock) -> Bindings:
    """The values of marks that a run recorded as parameters."""
    return {
        f"{file}:{key}": str(value)
        for file, values in lock.get("params", {}).items()
        for key, value in flatten(values).items()
    }


def _address(template: Template, bound: Mapping[str, str]) -> str:
    """A stage as DVC addresses it, but for the pipeline that is asked for most."""
    name = fill(template.name, bound)
    return (
        name
        if template.file in ("dvc.yaml", "stages/epochs/dvc.yaml")
        else (f"{template.file}:{name}")
    )


def _identity(lock: Mapping[str, Any]) -> Any:
    """What distinguishes a run: all but sizes."""
    return (
        lock["cmd"],
        [(dep["path"], dep["md5"]) for dep in lock["deps"]],
        {file: dict(values) for file, values in lock.get("params", {}).items()},
        [(out["path"], out["md5"]) for out in lock["outs"]],
    )
