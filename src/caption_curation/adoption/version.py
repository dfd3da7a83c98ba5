"""One version of the project: its stages, its code, its committed data and parameters, by hash."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from caption_curation.adoption.parameters import Leaves, flatten
from caption_curation.adoption.rules import ADOPTABLE, Adoptable, parse_adoptable, within
from caption_curation.adoption.runs import Record
from caption_curation.adoption.templates import (
    MARK,
    Bindings,
    Lock,
    Template,
    fill,
    mark,
    match,
)
from caption_curation.experiments import dvc_internals
from caption_curation.experiments.git import Git


@dataclass(frozen=True)
class Version:
    """A commit.

    Attributes:
        commit: all of its hexadecimal digits.
        templates: its stages.
        records: what its committed files and folders are as dependencies, by path; of those that
            stages depend on.
        defaults: what its parameter files say, by mark.
        git: where its files are.
    """

    commit: str
    templates: list[Template]
    records: Mapping[str, Record]
    defaults: Mapping[str, str]
    git: Git
    _leaves: dict[str, Leaves | None] = field(default_factory=dict)

    def find(
        self, lock: Lock, may_lack: Callable[[str], bool] = lambda _: False
    ) -> tuple[Template, Bindings] | None:
        """The stage with a run's command and outputs, and the values of its marks.

        ``may_lack`` tells outputs that the run need not have.
        """
        for template in [*self._by_command.get(lock["cmd"], []), *self._with_marks]:
            bound = template.bind(lock, may_lack)
            if bound is not None:
                return template, bound
        return None

    def named(self, file: str, name: str) -> Template | None:
        """The stage of a name, or the first made of it for a table."""
        for template in self.templates:
            if template.file == file and template.name == name:
                return template
        return None

    def makes(self, path: str) -> bool:
        """Whether a path is, holds, or lies in an output of a stage."""
        return any(
            within(path, fill(out, self.defaults))
            or within(fill(out, self.defaults), path)
            or _within_marked(path, out)
            for out in self._outs
        )

    def leaves(self, file: str) -> Leaves | None:
        """The leaves of a parameter file; ``None`` if there is none."""
        if file not in self._leaves:
            text = self.git.show(self.commit, file)
            content = None if text is None else dvc_internals.parse_yaml(text)
            self._leaves[file] = flatten(content) if isinstance(content, Mapping) else None
        return self._leaves[file]

    @cached_property
    def _outs(self) -> list[str]:
        return sorted({out for template in self.templates for out in template.outs})

    @cached_property
    def _by_command(self) -> dict[str, list[Template]]:
        found: dict[str, list[Template]] = {}
        for template in self.templates:
            found.setdefault(template.cmd, []).append(template)
        return found

    @cached_property
    def _with_marks(self) -> list[Template]:
        return [template for template in self.templates if MARK.search(template.cmd)]


def read_version(repository: Any, git: Git, commit: str) -> Version:
    """A version by its commit.

    Raises:
        InputError: its pipeline cannot be read.
    """
    names = git.files(commit)
    definitions = [name for name in names if PurePosixPath(name).name == "dvc.yaml"]
    defaults: dict[str, str] = {}
    texts = {}
    for name in names:
        if PurePosixPath(name).name not in ("dvc.yaml", "params.yaml"):
            continue
        texts[name] = git.show(commit, name) or ""
        if name not in definitions:
            marked = _marked(dvc_internals.parse_yaml(texts[name]), name, "", defaults)
            texts[name] = dvc_internals.dump_yaml(marked)
    templates = [
        Template.of(file, name, stage)
        for file, stages in dvc_internals.resolve_stages(texts, definitions).items()
        for name, stage in stages.items()
    ]
    wanted = {dep for template in templates for dep in template.deps}
    wanted |= {fill(dep, defaults) for dep in wanted}
    tracked = _and_folders(names)
    records = dvc_internals.committed_records(repository, commit, sorted(wanted & tracked))
    return Version(commit, templates, records, defaults, git)


def read_rules(git: Git, commit: str) -> Adoptable | None:
    """The rules that a commit states; ``None`` if it has none.

    Raises:
        InputError: they are not valid.
    """
    text = git.show(commit, ADOPTABLE.as_posix())
    return None if text is None else parse_adoptable(text)


def _marked(content: Any, file: str, prefix: str, defaults: dict[str, str]) -> Any:
    """A parameter file with marks for its values, which go into ``defaults``."""
    if isinstance(content, Mapping):
        return {
            key: _marked(value, file, f"{prefix}.{key}" if prefix else str(key), defaults)
            for key, value in content.items()
        }
    if isinstance(content, list):
        return [
            _marked(value, file, f"{prefix}.{index}", defaults)
            for index, value in enumerate(content)
        ]
    defaults[f"{file}:{prefix}"] = str(content)
    return mark(file, prefix)


def _within_marked(path: str, out: str) -> bool:
    """The same for an output whose marks may have any value."""
    if not MARK.search(out):
        return False
    parts = PurePosixPath(path).parts
    return any(
        match(out, "/".join(parts[:end]), {}) is not None for end in range(1, len(parts) + 1)
    )


def _and_folders(names: list[str]) -> set[str]:
    """Files and the folders that they are in."""
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    return {*names, *folders} - {"."}
