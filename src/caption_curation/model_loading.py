"""The one way by which models are loaded: whole, from safetensors files on this machine.

Where a file lacks tensors, transformers and diffusers put random numbers in their place, and they
pass over tensors that a model does not have, with a warning at most. Here both are errors, and so
is whatever else a damaged file, or one of another model, makes a library raise. Nothing is
downloaded, and no code that comes with a model is run.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import read_json
from caption_curation.support.rows import shown

PIPELINE = "StableDiffusionPipeline"  # of the generators that this project makes
WEIGHTS = ("model.safetensors", "diffusion_pytorch_model.safetensors")  # of either library
REMEDY = "obtain or convert the model again, and compare its files with those of its source"
SHARDS = "model-*-of-*.safetensors"  # of a large model; which tensor is where, an index says
# Where the classes are that model_index.json may name; it could name any module.
LIBRARIES = {
    "diffusers": "diffusers",
    "stable_diffusion": "diffusers.pipelines.stable_diffusion",
    "transformers": "transformers",
}


def load_model(kind: Any, folder: Path, *, dtype: Any) -> Any:
    """A network with the weights in a folder, on the CPU, in evaluation mode.

    Args:
        kind: its class, of transformers or diffusers.
        folder: holds its configuration and its weights.
        dtype: torch's type to convert the weights to.

    Raises:
        InputError: a file is missing, damaged or of another model; tensors are missing, not
            expected or of another shape (all are counted, and the first are named). Tied tensors
            need to be there once.
    """
    file = _weights(folder)
    with _refused(folder, kind):
        model, found = kind.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            ignore_mismatched_sizes=True,  # else the first of them ends the loading
            output_loading_info=True,
        )
    faults = [f"{name} is missing" for name in sorted(found["missing_keys"])]
    faults += [f"{name} is not expected" for name in sorted(found["unexpected_keys"])]
    faults += [
        f"{name} has the shape {tuple(stored)} instead of {tuple(expected)}"
        for name, stored, expected in sorted(found["mismatched_keys"])
    ]
    if faults:
        heading = f"{file}: its tensors are not those of the {kind.__name__} in config.json"
        raise InputError(f"{list_faults(heading, faults)}\n{REMEDY}")
    return model


def load_part(kind: Any, folder: Path, **options: Any) -> Any:
    """A tokenizer or processor.

    Args:
        kind: its class.
        folder: holds its files.
        options: of ``from_pretrained``.

    Raises:
        InputError: they are missing, damaged or of another kind.
    """
    if not folder.is_dir():  # else it would be looked for on the hub
        raise InputError(f"{folder}: there is no such folder")
    with _refused(folder, kind):
        # Without local_files_only, which a tokenizer would write into the models that it is saved
        # with.
        return kind.from_pretrained(folder, **options)


def load_tokens(folder: Path) -> Any:
    """A text encoder's tokenizer as one of the library tokenizers, which needs no torch.

    It cuts no text.

    Args:
        folder: holds ``tokenizer.json``, or an older CLIP's ``vocab.json`` and ``merges.txt``, or
            what transformers converts (SentencePiece's files, with the package of that name).

    Raises:
        InputError: as for :func:`load_part`.
    """
    file = folder / "tokenizer.json"
    if file.is_file():
        from tokenizers import Tokenizer

        with _refused(folder, Tokenizer):
            tokenizer = Tokenizer.from_file(str(file))
    elif (folder / "vocab.json").is_file():
        from transformers import CLIPTokenizer

        tokenizer = load_part(CLIPTokenizer, folder).backend_tokenizer
    else:
        from transformers import AutoTokenizer

        tokenizer = load_part(AutoTokenizer, folder).backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def load_pipeline(
    folder: Path,
    *,
    dtype: Any,
    kind: str = PIPELINE,
    without: Sequence[str] = (),
    **settings: Any,
) -> Any:
    """A pipeline of diffusers on the CPU.

    Args:
        folder: a model in the hub's layout.
        dtype: torch's type of all networks' weights.
        kind: the pipeline's class, which ``model_index.json`` must name.
        without: names of components of ``model_index.json`` that are left out.
        settings: further ones of the pipeline.

    Raises:
        InputError: as for :func:`load_model`, of every network of the pipeline.
    """
    import diffusers
    from diffusers.utils import logging
    from torch.nn import Module

    logging.disable_progress_bar()
    # What is wrong is raised. The pipeline would also print all that it cuts off long prompts.
    logging.set_verbosity_error()
    networks = {}
    pipeline = getattr(diffusers, kind)
    for name, (library, component_name) in named_components(folder, kind).items():
        component = _class_of(folder / name, library, component_name)
        if name not in without and issubclass(component, Module):
            networks[name] = load_model(component, folder / name, dtype=dtype)
    left_out: dict[str, Any] = dict.fromkeys(without)
    # Those that the library wants to be told of, as a T5 that is not used.
    left_out |= dict.fromkeys(_absent_components(folder) - set(pipeline._optional_components))
    if "safety_checker" in without:
        left_out["requires_safety_checker"] = False
    with _refused(folder, pipeline):
        return pipeline.from_pretrained(
            folder, dtype=dtype, local_files_only=True, **networks, **left_out, **settings
        )


def named_components(folder: Path, pipeline: str = PIPELINE) -> dict[str, tuple[str, str]]:
    """Library and class of each component of a pipeline, by name; without those it has not.

    Args:
        folder: a model in the hub's layout.
        pipeline: the class that its ``model_index.json`` must name.

    Raises:
        InputError: ``model_index.json`` is damaged, or of another pipeline.
    """
    file = folder / "model_index.json"
    try:
        index = read_json(file)
    except InputError as error:
        raise InputError(f"{error}; {REMEDY}") from error
    if not isinstance(index, dict):
        raise InputError(f"{file}: not a description of a pipeline; {REMEDY}")
    kind = index.get("_class_name")
    components = {name: tuple(value) for name, value in index.items() if type(value) is list}
    if kind != pipeline:
        raise InputError(f"{file}: _class_name = {kind!r}; allowed: {pipeline}")
    present = {name: value for name, value in components.items() if value != (None, None)}
    faults = [
        f"{name} = {shown(value)}"
        for name, value in present.items()
        if list(map(type, value)) != [str, str] or value[0] not in LIBRARIES
    ]
    if faults:
        allowed = f"{file}: allowed is a library ({', '.join(LIBRARIES)}) and its class"
        raise InputError(list_faults(allowed, faults))
    return present


def _absent_components(folder: Path) -> set[str]:
    """The components that ``model_index.json`` says there are none of."""
    index = read_json(folder / "model_index.json")
    return {name for name, value in index.items() if value == [None, None]}


def load_sentence_encoder(folder: Path, device: Any, *, known: bool) -> Any:
    """A Sentence-BERT.

    Args:
        folder: a model in the hub's layout.
        device: torch's device.
        known: that it is whole. Otherwise its network is loaded twice, because the library does not
            say what it did not find.

    Raises:
        InputError: as for :func:`load_model`, and if weights are NaN or infinite.
    """
    from sentence_transformers import SentenceTransformer

    _weights(folder)
    with _refused(folder, SentenceTransformer):
        encoder = SentenceTransformer(
            str(folder),
            device="cpu",
            trust_remote_code=False,
            local_files_only=True,
            # load_model says what does not fit; this call would end at the first of it.
            model_kwargs={"use_safetensors": True, "ignore_mismatched_sizes": True},
        )
    if not known:
        network = encoder[0].auto_model
        load_model(type(network), folder, dtype=network.dtype)
        refuse_non_finite(encoder, folder)
    return encoder.to(device)


def refuse_non_finite(model: Any, source: Path) -> None:
    """Raise an InputError if weights are NaN or infinite; it names their tensors.

    Args:
        model: torch's module.
        source: folder or file that it was loaded from, for the message.
    """
    import torch

    tensors = model.state_dict()
    once = {value.data_ptr(): name for name, value in tensors.items()}  # those that are tied
    faults = [
        f"{name}: {bad:,} of {tensors[name].numel():,}"
        for name in once.values()
        if (bad := int(tensors[name].numel() - torch.isfinite(tensors[name]).sum()))
    ]
    if faults:
        heading = f"{source}: weights that are NaN or infinite"
        raise InputError(f"{list_faults(heading, faults)}\n{REMEDY}")


def tensor_shapes(file: Path) -> dict[str, list[int]]:
    """The shape of each tensor in a safetensors file, by name; only its header is read.

    Raises:
        InputError: the file was cut short, or is none.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "numpy") as weights:
            return {name: weights.get_slice(name).get_shape() for name in weights.offset_keys()}
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{file}: it was cut short, or is no safetensors file ({error}); {REMEDY}"
        ) from error


def _class_of(folder: Path, library: str, name: str) -> Any:
    found = getattr(import_module(LIBRARIES[library]), name, None)
    if not isinstance(found, type):
        raise InputError(
            f"{folder.parent}/model_index.json: {folder.name}: {library} has no class {name}"
        )
    return found


def _weights(folder: Path) -> Path:
    """The file with a network's weights, if it is a whole safetensors file."""
    file = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    shards = sorted(folder.glob(SHARDS)) if file is None else []
    for shard in shards:
        tensor_shapes(shard)
    if shards:
        return folder / "model.safetensors.index.json"
    if file is None:
        return _sharded_weights(folder)
    tensor_shapes(file)
    return file


def _sharded_weights(folder: Path) -> Path:
    """The file that lists which of several files has which tensor; all of these are whole."""
    indices = [folder / f"{name}.index.json" for name in WEIGHTS]
    index = next((file for file in indices if file.is_file()), None)
    if index is None:
        raise InputError(f"{folder}: {' or '.join(WEIGHTS)} is missing; {REMEDY}")
    content = read_json(index)
    names = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise InputError(f"{index}: not a list of tensors and their files; {REMEDY}")
    files = [folder / Path(name).name for name in sorted(set(names.values()))]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        heading = f"{folder}: files that {index.name} names are missing"
        raise InputError(f"{list_faults(heading, missing)}\n{REMEDY}")
    for file in files:
        tensor_shapes(file)
    return index


@contextmanager
def _refused(folder: Path, kind: Any) -> Iterator[None]:
    """Turn what a library raises, for which it uses any class, into one line with the folder."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        raise InputError(
            f"{folder}: cannot be loaded as {kind.__name__}, its files are damaged or of another "
            f"model ({type(error).__name__}: {reason}); {REMEDY}"
        ) from error
