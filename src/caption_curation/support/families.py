"""Of which family a model is: a kind of models has a package with a module for each family."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from caption_curation.support.errors import InputError
from caption_curation.support.imports import everything_imported, holds_only_a_docstring
from caption_curation.support.reading import read_json
from caption_curation.support.rows import shown


@dataclass(frozen=True)
class Families:
    """The families of captioners, or of generators.

    Attributes:
        package: that has their modules.
        file: of a model's folder in which its family is named.
        key: of that name in the file.
        module: what the module of a family of that name is called.
    """

    package: str
    file: str
    key: str
    module: Callable[[str], str]

    def name(self, folder: Path) -> str:
        """The name of the module for the model in ``folder``; importing that may take seconds.

        Raises:
            InputError: there is no such family, or no such file.
        """
        file = folder / self.file
        content = read_json(file)
        family = content.get(self.key) if isinstance(content, dict) else None
        known = self.known()
        if not isinstance(family, str) or self.module(family) not in known:
            raise InputError(
                f"{file}: {self.key} = {shown(family)}: allowed are models of the families "
                f"{', '.join(known)}"
            )
        return self.module(family)

    def known(self) -> list[str]:
        """The names of the modules, sorted; none is imported."""
        return sorted(
            module.name
            for module in iter_modules(import_module(self.package).__path__)
            if not module.ispkg  # what several share
        )

    def load(self, name: str) -> Any:
        """The module of that name."""
        return import_module(f"{self.package}.{name}")

    def code(self, name: str, root: Path) -> dict[str, str]:
        """SHA-256 of every file that a family's module imports, its own too, by path; sorted.

        Args:
            name: of the family's module.
            root: the repository's root.
        """
        module = f"src/{self.package.replace('.', '/')}/{name}.py"
        return {
            file: sha256((root / file).read_bytes()).hexdigest()
            for file in sorted(everything_imported(module, root))
            if not holds_only_a_docstring(file, root)
        }
