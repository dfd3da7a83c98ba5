"""The parameters that a finished run recorded, in the form in which its stage records them now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caption_curation.adoption.rules import SEPARATOR, Adoptable

KIND = "source"  # the key by which sections of several kinds are told apart

Recorded = Mapping[str, Mapping[str, Any]]  # values by key, by file
Leaves = dict[str, Any]
File = Callable[[str], Leaves | None]  # the leaves of a parameter file; ``None``: there is none


@dataclass
class Fitted:
    """What a run's parameters are now.

    Attributes:
        values: by key, by file.
        filled: `FILE: KEY` of those that have a neutral value.
        faults: why it cannot be; then ``values`` are of no use.
    """

    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    filled: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def fit_parameters(
    recorded: Recorded,
    wanted: Mapping[str, Sequence[str] | None],
    rules: Adoptable,
    then: File,
    now: File,
) -> Fitted:
    """What a run would have recorded if its stage had tracked these keys.

    Values stay what they are. What is read newly has the neutral value that the rules state, and
    what is read no longer must have had one at which that changes nothing. A key that a section of
    the run lacks, or has beyond today's, counts as new or gone only if it came or went since then:
    sections of another kind have other keys.

    Args:
        recorded: by the run.
        wanted: the keys that are tracked now, by file; ``None``: all of the file.
        rules: neutral values, and what was renamed.
        then: the parameter files of the version that the run is of.
        now: those of today.
    """
    fitted = Fitted()
    for file in sorted({*recorded, *wanted}):
        _File(file, recorded.get(file, {}), rules, then(file), now(file), fitted).fit(
            wanted.get(file, ())
        )
    fitted.values = {file: fitted.values[file] for file in _in_order(fitted.values)}
    return fitted


class _File:
    """The parameters of one file."""

    def __init__(
        self,
        file: str,
        recorded: Mapping[str, Any],
        rules: Adoptable,
        then: Leaves | None,
        now: Leaves | None,
        fitted: Fitted,
    ) -> None:
        self.file = file
        self.rules = rules
        self.sections = [rules.new_key(file, key) for key in recorded]
        self.leaves = {rules.new_key(file, key): value for key, value in flatten(recorded).items()}
        self.then = None if then is None else {rules.new_key(file, key) for key in then}
        self.now = now
        self.stated = rules.neutral(file)
        self.fitted = fitted
        self.used: set[str] = set()

    def fit(self, wanted: Sequence[str] | None) -> None:
        if wanted is None:
            section = self._section("")
            values = {key: section[key] for key in sorted(section)}
        else:
            values = {key: self._value(key) for key in sorted(wanted)}
        for key in self.leaves.keys() - self.used:
            self._drop(key)
        if values:
            self.fitted.values[self.file] = values

    def _value(self, key: str) -> Any:
        if key in self.leaves:
            self.used.add(key)
            return self.leaves[key]
        if any(leaf.startswith(f"{key}.") for leaf in (*self.leaves, *self.stated)):
            return self._section(f"{key}.")
        return self._fill(key)

    def _section(self, prefix: str) -> dict[str, Any]:
        """All that was recorded below a prefix, with what came since, and without what went."""
        recorded = {key: self.leaves[key] for key in self.leaves if key.startswith(prefix)}
        self.used |= recorded.keys()
        kept = {key: value for key, value in recorded.items() if not self._went(key, recorded)}
        for key in recorded.keys() - kept.keys():
            self._drop(key)
        for key in self._came(prefix, recorded):
            kept[key] = self._fill(key)
        return nest({key.removeprefix(prefix): value for key, value in kept.items()})

    def _came(self, prefix: str, recorded: Leaves) -> list[str]:
        """Keys of the section that the run did not record, and that it would now."""
        if self.now is None:
            return [key for key in self.stated if key.startswith(prefix) and key not in recorded]
        missing = [key for key in self.now if key.startswith(prefix) and key not in recorded]
        missing = [key for key in missing if not below(key, recorded)]
        if self._was_whole(prefix):
            missing = [
                key
                for key in missing
                if key not in (self.then or {}) and self._same_kind(key, recorded)
            ]
        return missing

    def _went(self, key: str, recorded: Leaves) -> bool:
        if self.now is None or self.then is None:
            return False
        return (
            key in self.then
            and key not in self.now
            and not below(key, self.now)
            and not any(other.startswith(f"{key}.") for other in self.now)
            and self._same_kind(key, recorded)
        )

    def _was_whole(self, prefix: str) -> bool:
        """Whether the run recorded the section as one."""
        key = prefix.removesuffix(".")
        if key == "":
            return {leaf.partition(".")[0] for leaf in self.then or ()} <= set(self.sections)
        return any(key == section or key.startswith(f"{section}.") for section in self.sections)

    def _same_kind(self, key: str, recorded: Leaves) -> bool:
        """Whether the run's section around a key is of the kind that today's file has."""
        parts = key.split(".")[:-1]
        parents = [".".join(parts[: end + 1]) for end in range(len(parts))]
        return all(
            recorded.get(f"{parent}.{KIND}") == (self.now or {}).get(f"{parent}.{KIND}")
            for parent in parents
        )

    def _fill(self, key: str) -> Any:
        name = f"{self.file}{SEPARATOR}{key}"
        if key in self.stated:
            self.fitted.filled.append(name)
            return self.stated[key]
        self.fitted.faults.append(f"newly reads {name}")
        return None

    def _drop(self, key: str) -> None:
        value = self.leaves[key]
        if not self.rules.may_drop_parameter(self.file, key, value):
            self.fitted.faults.append(f"no longer reads {self.file}{SEPARATOR}{key} = {value!r}")


def flatten(values: Mapping[str, Any], prefix: str = "") -> Leaves:
    """Leaves by dotted key; a section without any key is one."""
    leaves: Leaves = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            leaves |= flatten(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves


def nest(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """The opposite of :func:`flatten`."""
    nested: dict[str, Any] = {}
    for key, value in leaves.items():
        *parents, last = key.split(".")
        section = nested
        for parent in parents:
            section = section.setdefault(parent, {})
        section[last] = value
    return nested


def below(key: str, leaves: Mapping[str, Any]) -> bool:
    """Whether a key lies below one that is a leaf, such as an alternative that is ``null``."""
    parts = key.split(".")
    return any(".".join(parts[:end]) in leaves for end in range(1, len(parts)))


def _in_order(files: Mapping[str, Any]) -> list[str]:
    """As DVC writes them: params.yaml first."""
    return sorted(files, key=lambda file: (file != "params.yaml", file))
