"""What a finished run depended on, as today's version would have recorded it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from caption_curation.adoption.parameters import flatten
from caption_curation.adoption.rules import within
from caption_curation.adoption.runs import Record
from caption_curation.adoption.templates import Lock, Template, fill

if TYPE_CHECKING:
    from caption_curation.adoption.rekey import Between

ANEW = "run the stage that makes it, and adopt again"


@dataclass
class Dependencies:
    """The dependencies of a run as those of today's stage.

    Attributes:
        records: of them, by path.
        filled: which of them have neutral content.
        faults: why there are none.
    """

    between: "Between"
    template: Template
    lock: Lock
    bound: Mapping[str, str]
    records: list[Record] = field(default_factory=list)
    filled: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        rules = self.between.rules
        self.data = {
            rules.new_path(dep["path"]): {**dep, "path": rules.new_path(dep["path"])}
            for dep in self.lock["deps"]
            if not rules.is_code(dep["path"])
        }
        self.used: set[str] = set()
        found = [self._record(dep) for dep in self.template.deps]
        for path in sorted(self.data.keys() - self.used):
            if not rules.may_drop_input(path, self.data[path]["md5"]):
                self.faults.append(f"no longer depends on {path}")
        self.records = sorted(
            (record for record in found if record is not None), key=lambda record: record["path"]
        )

    def _record(self, dep: str) -> Record | None:
        between = self.between
        now = between.now
        filled = fill(dep, self.bound)
        path = fill(filled, now.defaults)
        if between.rules.is_code(path):
            return self._code(path)
        if path in self.data:
            self.used.add(path)
            return self._checked(path, is_open=dep != path)
        for folder, record in self.data.items():
            if within(path, folder):
                self.used.add(folder)
                return self._part(path, folder, record["md5"])
        neutral = between.rules.inputs.get(path)
        if neutral is None:
            self.faults.append(f"newly depends on {path}")
            return None
        self.filled.append(path)
        return {"path": path, "hash": "md5", "md5": neutral}

    def _part(self, path: str, folder: str, md5: str) -> Record | None:
        """A part of what the run depended on as a whole."""
        between = self.between
        part = between.part_of(path, folder, md5)
        if part is None and between.rules.is_derived(path):
            part = between.part_of_grown(path, folder, md5)
            if part is None:
                self.faults.append(f"{path} is new; {ANEW}")
        elif part is None:
            self.faults.append(f"newly depends on {path}, which its {folder} had not")
        return part and {"path": path, **part}

    def _code(self, path: str) -> Record | None:
        now = self.between.now
        record = now.records.get(path) or self._made_code(path)
        if record is None:
            self.faults.append(f"it is not known what {path} is now; {ANEW}")
            return None
        return {**record, "path": path}

    def _made_code(self, path: str) -> Record | None:
        """What code that a stage makes is today, for this run.

        That is what today's stage made with the parameters of the one that made the run's; or, if
        the run knew no such code, with those that it recorded and otherwise today's.
        """
        between = self.between
        before = [dep["md5"] for dep in self.lock["deps"] if dep["path"] == path]
        if before:
            found = between.made_again(path, before[0])
        else:
            found = [record for lock, record in between.made_today(path) if self._agrees(lock)]
        records = {record["md5"]: record for record in found}
        return next(iter(records.values())) if len(records) == 1 else None

    def _agrees(self, other: Lock) -> bool:
        """Whether another run has the parameters that this one recorded, and otherwise today's."""
        for file, values in other.get("params", {}).items():
            today = self.between.now.leaves(file) or {}
            recorded = flatten(self.lock.get("params", {}).get(file, {}))
            expected = {**today, **recorded}
            if any(expected.get(key) != value for key, value in flatten(values).items()):
                return False
        return True

    def _checked(self, path: str, *, is_open: bool) -> Record | None:
        """The run's record, unless it is of other data than the project has now."""
        now = self.between.now
        record = self.data[path]
        # What a variable names is the user's, and may be anything: it is part of the run's name.
        if not is_open and not now.makes(path):
            today = now.records.get(path)
            if today is None:
                self.faults.append(f"{path} is not in the repository now")
            elif today["md5"] != record["md5"]:
                self.faults.append(f"{path} has other content now")
        return record
