"""A stage of dvc.yaml whose variables are open, and the finished runs of it.

A result in DVC's run cache may be of any profile and number of epochs. So stages are not resolved
with the values of today's params.yaml: these stay *marks* (``⟦params.yaml:training.epochs⟧``), and
a run is of a stage if there are values for the marks that make the one the other.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

MARK = re.compile("⟦([^⟦⟧]+)⟧")
OUTPUTS = ("outs", "metrics", "plots")

Lock = Mapping[str, Any]  # a stage in a dvc.lock or the run cache: cmd, deps, params, outs
Bindings = dict[str, str]  # values of marks


def mark(file: str, key: str) -> str:
    """The mark of a key in a parameter file."""
    return f"⟦{file}:{key}⟧"


@dataclass(frozen=True)
class Template:
    """A stage with marks.

    Attributes:
        file: its dvc.yaml.
        name: in it.
        params: keys by file; ``None``: all of the file.
    """

    file: str
    name: str
    cmd: str
    deps: tuple[str, ...]
    params: Mapping[str, tuple[str, ...] | None]
    outs: tuple[str, ...]

    @classmethod
    def of(cls, file: str, name: str, stage: Mapping[str, Any]) -> "Template":
        """From a stage as DVC resolves it."""
        params: dict[str, tuple[str, ...] | None] = {}
        for entry in stage.get("params", []):
            if isinstance(entry, str):
                params["params.yaml"] = (*(params.get("params.yaml") or ()), entry)
                continue
            for path, keys in entry.items():
                params[path] = (*(params.get(path) or ()), *keys) if keys else None
        command = stage["cmd"]
        return cls(
            file,
            name,
            command if isinstance(command, str) else "\n".join(command),
            tuple(sorted(_names(stage.get("deps", [])))),
            params,
            tuple(name for kind in OUTPUTS for name in _names(stage.get(kind, []))),
        )

    def bind(self, lock: Lock, may_lack: Callable[[str], bool]) -> Bindings | None:
        """The values of marks with which command, outputs and parameter files are a run's.

        Args:
            lock: of the run.
            may_lack: whether it may be a run of this stage although it has not a certain output.

        Returns:
            ``None`` if there are none. Marks that only dependencies have may be left open.
        """
        bound = match(self.cmd, lock["cmd"], {})
        if bound is not None:
            made = paths(lock["outs"])
            outs = [out for out in self.outs if _is_among(out, made, bound) or not may_lack(out)]
            bound = bind_all(outs, made, bound)
        return bound if bound is None else self._bind_files(lock, bound)

    def _bind_files(self, lock: Lock, bound: Bindings) -> Bindings:
        """With the values that name parameter files, where a run tells them."""
        files = list(lock.get("params", {}))
        for template in self.params:
            if MARK.search(fill(template, bound)):
                found = [values for file in files if (values := match(template, file, bound))]
                bound = found[0] if len(found) == 1 else bound
        return bound


def bind_all(
    templates: Sequence[str], texts: Sequence[str], bound: Mapping[str, str]
) -> Bindings | None:
    """Values that make all the templates these texts, in any order; ``None`` if there are none."""
    values = dict(bound)
    left = list(texts)
    opened = []
    for template in templates:
        text = fill(template, values)
        if MARK.search(text):
            opened.append(template)
        elif text in left:
            left.remove(text)
        else:
            return None
    for template in opened:
        found = [
            (text, more) for text in left if (more := match(template, text, values)) is not None
        ]
        if len(found) != 1:
            return None
        left.remove(found[0][0])
        values = found[0][1]
    return None if left else values


def match(template: str, text: str, bound: Mapping[str, str]) -> Bindings | None:
    """The values bound before and those that make the template this text, or ``None``."""
    pattern, names = _pattern(fill(template, bound))
    found = pattern.fullmatch(text)
    if found is None:
        return None
    return {**bound, **dict(zip(names, found.groups(), strict=True))}


def fill(template: str, bound: Mapping[str, str]) -> str:
    """The template with the marks that are bound replaced by their values."""
    return MARK.sub(lambda found: bound.get(found[1], found[0]), template)


def marks(template: str) -> list[str]:
    """The names of a template's marks."""
    return MARK.findall(template)


def paths(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of dependencies or outputs in a lock."""
    return [record["path"] for record in records]


def _is_among(template: str, texts: Sequence[str], bound: Mapping[str, str]) -> bool:
    return any(match(template, text, bound) is not None for text in texts)


@cache
def _pattern(template: str) -> tuple[re.Pattern[str], list[str]]:
    pattern, names, end = "", list[str](), 0
    for found in MARK.finditer(template):
        pattern += re.escape(template[end : found.start()])
        if found[1] in names:
            pattern += rf"(?:\{names.index(found[1]) + 1})"
        else:
            names.append(found[1])
            pattern += "(.+)"
        end = found.end()
    return re.compile(pattern + re.escape(template[end:])), names


def _names(entries: Sequence[Any]) -> list[str]:
    """Paths of dvc.yaml, where an entry may be a path with settings."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
