"""``caption-curation versions``."""

from typing import Annotated

from caption_curation.commands.words import check_checkout, flag


def versions(
    write: Annotated[
        bool,
        flag(
            "--write",
            help="Record what is installed. Every stage that runs a model then runs anew, unless "
            "DVC's cache has its result with these versions.",
        ),
    ] = False,
) -> None:
    """Compare the libraries that compute results with versions.yaml.

    A stage that runs a model stops where others are installed than the file records. The exit
    status is 1 if there are any.
    """
    from pathlib import Path

    import typer

    from caption_curation.support.errors import InputError
    from caption_curation.support.versions import (
        VERSIONS_FILE,
        installed_versions,
        other_versions,
        recorded_versions,
        write_versions,
    )

    check_checkout()
    root = Path()
    if write:
        try:
            before = recorded_versions(root)
        except InputError:  # what is not there, or damaged, is written anew
            before = {}
        write_versions(root)
        after = recorded_versions(root)
        changed = [
            f"{name} {before.get(name, 'nothing')} → {after[name]}"
            for name in after
            if before.get(name) != after[name]
        ]
        print("\n".join(changed or [f"{VERSIONS_FILE} has been up to date"]))
        return
    recorded, installed = recorded_versions(root), installed_versions()
    others = other_versions(root)
    for name, wanted in recorded.items():
        found = installed[name] or "nothing"
        note = f"{found} is installed" if name in others else "installed"
        print(f"{name:13} {wanted:10} {note}")
    if others:
        raise typer.Exit(1)
