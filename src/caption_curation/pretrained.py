"""Where pretrained models come from: a folder in the hub's layout, or the Hugging Face hub.

Only safetensors weights are read, because the other formats can run code when they are loaded.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from caption_curation.config.profile import HubModel
from caption_curation.model_files import TEXT_FILES, file_digest, model_files
from caption_curation.support.errors import InputError, list_faults

DEMO_DIGESTS = Path("data/demo_models/digests.json")  # of every file, by model and name
UNSAFE_WEIGHTS = (".bin", ".pt", ".pth", ".ckpt")


def obtain_model(
    source: Path | HubModel, *, required: Sequence[str], optional: Sequence[str] = ()
) -> Path:
    """The folder of a pretrained model, once all required parts are there.

    Args:
        source: a folder, or a model on the hub, which is downloaded to the hub's own cache.
        required: parts as file names or patterns relative to the folder, such as
            ``unet/config.json``; ``a|b`` means that either is enough.
        optional: further weight files to download if the hub has them.

    Raises:
        InputError: the folder does not exist or lacks parts (all of them are listed), or the hub
            cannot be reached or does not have the model.
    """
    if isinstance(source, Path):
        folder, name = source, f"model folder {source}"
        if not folder.is_dir():
            raise InputError(f"{name}: there is no such folder (from {Path.cwd()})")
    else:
        folder, name = _download(source, [*required, *optional]), f"model {source.id} on the hub"
    refuse_missing(folder, required, name)
    return folder


def refuse_missing(folder: Path, required: Sequence[str], name: str) -> None:
    """Raise an InputError that lists the parts that a model's folder lacks, if it lacks any.

    Args:
        folder: of the model.
        required: as in :func:`obtain_model`.
        name: of the model, for the message.
    """
    faults = [fault for part in required if (fault := _fault(folder, part))]
    if faults:
        raise InputError(list_faults(f"{name} lacks parts", faults))


def is_demo_model(folder: Path, parts: Sequence[str]) -> bool:
    """Whether a model's files are, to the byte, those of a model that this project comes with.

    Such a model is known to load, and none of the libraries that would show it need be imported.
    """
    if not DEMO_DIGESTS.is_file():
        return False
    files = {path.relative_to(folder).as_posix(): path for path in model_files(folder, parts)}
    return any(
        all(known.get(name) == file_digest(path) for name, path in files.items())
        for known in json.loads(DEMO_DIGESTS.read_text(encoding="utf-8")).values()
    )


def copy_model(folder: Path, target: Path, parts: Sequence[str]) -> None:
    """Copy the files of a model to a folder, which is created; see :func:`model_files`."""
    for file in model_files(folder, parts):
        copy = target / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        # Without the mode: a file that DVC has linked from its cache is read-only.
        shutil.copyfile(file, copy)


def _download(source: HubModel, parts: Sequence[str]) -> Path:
    if source.unpinned:
        raise InputError(source.unpinned)
    from huggingface_hub import snapshot_download

    names = [name for part in parts for name in part.split("|")]
    try:
        folder = snapshot_download(
            source.id, revision=source.revision, allow_patterns=[*TEXT_FILES, *names]
        )
    # Besides its own errors, the client lets those of two HTTP libraries through.
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"model {source.id}, revision {source.revision}: cannot be obtained from the Hugging "
            f"Face hub ({type(error).__name__}: {reason}). Without a network, copy the model's "
            "folder here, use `source: local` and name it in `inputs` of params.yaml"
        ) from error
    return Path(folder)


def _fault(folder: Path, part: str) -> str | None:
    """What is wrong with a required part, if anything is."""
    names = part.split("|")
    if any(path.is_file() for name in names for path in folder.glob(name)):
        return None
    missing = " or ".join(names)
    unsafe = [
        path.relative_to(folder).as_posix()
        for path in sorted((folder / names[0]).parent.glob("*"))
        if path.suffix in UNSAFE_WEIGHTS
    ]
    if names[0].endswith(".safetensors") and unsafe:
        return (
            f"{missing} is missing; {', '.join(unsafe)} is refused, because loading it can run "
            "code: convert it to safetensors"
        )
    return f"{missing} is missing"
