"""Which of the project's files a module imports: what the result of running it may depend on.

Digests of families' code and the test of the pipelines' dependencies follow imports by the same
rules.
"""

import ast
from pathlib import Path

SOURCES = "src"
PACKAGES = ("caption_curation", "stages")

# These never change a result: they refuse bad values, name the error, say where files lie, put them
# there, say how many processes there are, and share work out.
NEUTRAL = (
    "src/caption_curation/__init__.py",
    "src/caption_curation/config/",
    "src/caption_curation/curation/settings.py",
    "src/caption_curation/engine/",
    "src/caption_curation/human_study/parameters.py",
    "src/caption_curation/paths.py",
    "src/caption_curation/round_trip/parameters.py",
    "src/caption_curation/support/",
    "stages/__init__.py",
    "stages/human_study/__init__.py",
    "stages/pretrain/__init__.py",
    "stages/round_trip/__init__.py",
)


def is_neutral(path: str) -> bool:
    """Whether a file, relative to the repository's root, never changes a result."""
    return path.startswith(NEUTRAL)


def imported(path: str, root: Path) -> set[str]:
    """The project's files that a file imports anywhere in it, lazily or not.

    Args:
        path: of the file, relative to ``root``.
        root: the repository's root.

    Returns:
        Paths relative to ``root``, those of packages too that an import runs.
    """
    files = set()
    for node in ast.walk(_tree(path, root)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        # Importing a module runs the packages that it is in.
        names += [
            ".".join(name.split(".")[:depth])
            for name in names
            for depth in range(1, name.count(".") + 1)
        ]
        for name in names:
            if name.split(".")[0] not in PACKAGES:
                continue
            for folder, prefix in ((root / SOURCES, f"{SOURCES}/"), (root, "")):
                module = folder / Path(*name.split("."))
                for file in (module.with_suffix(".py"), module / "__init__.py"):
                    if file.is_file():
                        files.add(prefix + file.relative_to(folder).as_posix())
    return files


def everything_imported(path: str, root: Path) -> set[str]:
    """A file and all that it imports, directly or not, but what is neutral."""
    found: set[str] = set()
    waiting = {path}
    while waiting:
        path = waiting.pop()
        found.add(path)
        waiting |= {file for file in imported(path, root) - found if not is_neutral(file)}
    return found


def holds_only_a_docstring(path: str, root: Path) -> bool:
    """Whether a file, such as a package's ``__init__.py``, has no code that could matter."""
    body = _tree(path, root).body
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)


def _tree(path: str, root: Path) -> ast.Module:
    return ast.parse((root / path).read_text(encoding="utf-8"))
