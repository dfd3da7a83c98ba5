"""The versions of the libraries that compute results: recorded in ``versions.yaml``, and installed.

Another version may compute other numbers, so the file is a dependency of every stage that runs a
model; a stage that would compute with others than the file says stops instead. Nothing here imports
the libraries: their metadata are read, in some milliseconds.
"""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.outputs import write_atomically

VERSIONS_FILE = Path("versions.yaml")
WRITE = "caption-curation versions --write"  # what records those that are installed
INSTALL = "pip install -r requirements.txt"  # what installs those that are recorded

HEADER = f"""\
# The libraries that models run with, as far as another version may compute other numbers. Every
# stage that runs a model depends on this file, and stops where others are installed. After an
# upgrade `{WRITE}` records what is installed, and `dvc repro` computes anew.
# A build's suffix (+cu130, +cpu) is left out: it is the machine's matter.
"""

# Tensors, captioner and encoders, generator and samplers, text to tokens, random choices, pixels.
LIBRARIES = ("torch", "transformers", "diffusers", "tokenizers", "numpy", "pillow")


def recorded_versions(root: Path) -> dict[str, str]:
    """The version of each library that ``versions.yaml`` in the folder ``root`` records.

    Raises:
        InputError: there is no such file, or it does not name every library and no other.
    """
    import yaml

    try:
        content = yaml.safe_load((root / VERSIONS_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{VERSIONS_FILE}: no such file; `{WRITE}` writes it") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{VERSIONS_FILE}: not YAML ({error}); `{WRITE}` writes it") from error
    if not isinstance(content, dict) or set(content) != set(LIBRARIES):
        raise InputError(
            f"{VERSIONS_FILE}: expected a version of each of {', '.join(LIBRARIES)}, and no more; "
            f"`{WRITE}` writes it"
        )
    return {name: str(content[name]) for name in LIBRARIES}


def installed_versions() -> dict[str, str | None]:
    """The version of each library that is installed, without a build's suffix; None: it is not."""
    return {name: _installed(name) for name in LIBRARIES}


def other_versions(root: Path) -> dict[str, tuple[str, str | None]]:
    """The libraries whose installed version is not the recorded one: (recorded, installed).

    Raises:
        InputError: ``versions.yaml`` cannot be read.
    """
    installed = installed_versions()
    return {
        name: (recorded, installed[name])
        for name, recorded in recorded_versions(root).items()
        if installed[name] != recorded
    }


def check_versions(root: Path) -> None:
    """Refuse to compute with other versions than those that the results will be recorded as of.

    Raises:
        InputError: naming every library that differs, and the two ways to mend it.
    """
    others = other_versions(root)
    if not others:
        return
    faults = [
        f"{name}: {installed or 'nothing'} is installed, {recorded} is recorded"
        for name, (recorded, installed) in others.items()
    ]
    raise InputError(
        list_faults(f"{VERSIONS_FILE}: other versions than those of the results", faults)
        + f"\n`{INSTALL}` installs what was recorded; to compute with what is installed, record it "
        f"with `{WRITE}`: every stage that runs a model will then run anew"
    )


def write_versions(root: Path) -> None:
    """Record the installed versions in ``versions.yaml``.

    Raises:
        InputError: a library is not installed.
    """
    installed = installed_versions()
    missing = [name for name, found in installed.items() if found is None]
    if missing:
        raise InputError(f"not installed: {', '.join(missing)}; `{INSTALL}`")
    # Quoted, or YAML would read a version such as 3.0 as a number.
    lines = [f'{name}: "{found}"\n' for name, found in installed.items()]
    write_atomically(root / VERSIONS_FILE, HEADER + "\n" + "".join(lines))


def _installed(name: str) -> str | None:
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return None
