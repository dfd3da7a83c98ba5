"""What git knows of commits, and the commits that it is given, without a checkout."""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from caption_curation.support.errors import InputError

EXPERIMENT = re.compile("refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/[^/]+")


@dataclass(frozen=True)
class Git:
    """The repository around ``root``, the project's folder; paths are relative to that."""

    root: Path

    def commit(self, rev: str) -> str:
        """All hexadecimal digits of a commit.

        Raises:
            InputError: there is no such commit.
        """
        found = self._run("rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}")
        if found is None:
            raise InputError(f"{rev!r} is no commit of this repository (a shallow clone has few)")
        return found.strip()

    def files(self, commit: str) -> list[str]:
        """The paths of all files of a commit that lie in the project."""
        listed = self._need("ls-tree", "-r", "-z", "--name-only", commit, "--", ".")
        return [name for name in listed.split("\0") if name]

    def show(self, commit: str, path: str) -> str | None:
        """A file's text; ``None`` if the commit has none."""
        return self._run("show", f"{commit}:./{path}")

    def title(self, commit: str) -> str:
        """The first line of a commit's message."""
        return self._need("log", "-1", "--format=%s", commit).strip()

    def message(self, commit: str) -> str:
        """All of it."""
        return self._need("log", "-1", "--format=%B", commit)

    def changed(self, *paths: str) -> list[str]:
        """The files of these paths that are not as in HEAD, those that git does not know included.

        Paths are relative to the project; files that git ignores are left out.
        """
        status = ["status", "--porcelain", "-z", "--untracked-files=all", "--no-renames"]
        listed = self._need(*status, "--", *paths)
        return [line[3:] for line in listed.split("\0") if line]

    def experiments(self) -> dict[str, str]:
        """The commits of DVC's experiments by the names of their references, the newest first."""
        fields = "--format=%(objectname) %(refname)"
        listed = self._need("for-each-ref", "--sort=-committerdate", fields, "refs/exps")
        pairs = [line.split(" ", 1) for line in listed.splitlines()]
        # refs/exps/<2 hex>/<38 hex>/NAME; others are DVC's own stashes.
        return {name: commit for commit, name in pairs if EXPERIMENT.fullmatch(name)}

    def add_commit(self, parent: str, files: Mapping[str, str], message: str, like: str) -> str:
        """A commit that changes some files of another; no reference and no checkout knows it.

        Args:
            parent: whose files it has otherwise.
            files: texts by path.
            message: of the commit.
            like: the commit from which it has author, committer and their dates.

        Returns:
            Its hexadecimal digits.
        """
        prefix = self._need("rev-parse", "--show-prefix").strip()
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._need("read-tree", parent, environment=index)
            for path, text in files.items():
                blob = self._need("hash-object", "-w", "--stdin", content=text).strip()
                entry = f"100644,{blob},{prefix}{path}"
                self._need("update-index", "--add", "--cacheinfo", entry, environment=index)
            tree = self._need("write-tree", environment=index).strip()
        people = {
            f"GIT_{role}_{key}": self._need("log", "-1", f"--format=%{letter}{field}", like).strip()
            for role, letter in (("AUTHOR", "a"), ("COMMITTER", "c"))
            for key, field in (("NAME", "n"), ("EMAIL", "e"), ("DATE", "D"))
        }
        words = ("commit-tree", tree, "-p", parent)
        return self._need(*words, content=message, environment=people).strip()

    def set_reference(self, name: str, commit: str, before: str | None) -> None:
        """Make a reference name a commit.

        Args:
            name: in full.
            commit: to name.
            before: what it names now; ``None``: it does not exist.

        Raises:
            InputError: it names something else.
        """
        self._need("update-ref", name, commit, before or "0" * 40)

    def remove_reference(self, name: str, commit: str) -> None:
        """Remove a reference that names a commit.

        Raises:
            InputError: it names something else.
        """
        self._need("update-ref", "-d", name, commit)

    def _need(
        self, *words: str, content: str | None = None, environment: Mapping[str, str] | None = None
    ) -> str:
        done = self._git(words, content, environment)
        if done.returncode != 0:
            raise InputError(f"`git {words[0]}` failed: {done.stderr.strip()}")
        return done.stdout

    def _run(self, *words: str) -> str | None:
        done = self._git(words, None, None)
        return done.stdout if done.returncode == 0 else None

    def _git(
        self, words: tuple[str, ...], content: str | None, environment: Mapping[str, str] | None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["git", *words],
            cwd=self.root,
            input=content,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
