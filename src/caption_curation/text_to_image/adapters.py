"""Low-rank adapters (LoRA; Hu et al. 2022) of a denoising network.

A fine-tuned generator with an adapter is the folder of its base, file by file, and the adapter: it
needs nothing beside it, its digest covers both, and DVC's cache, which keeps files by their
content, holds what is the base's once for all adapters. The file is as diffusers writes it:
``load_lora_weights`` reads it too.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from caption_curation.config.profile import GeneratorAdapter
from caption_curation.support.errors import InputError, list_faults

ADAPTER = "adapter/pytorch_lora_weights.safetensors"  # in the generator's folder
NAME = "default"  # of the adapter, in the network
CONFIGURATION = "lora_adapter_metadata"  # diffusers' key in the file's header


def add_adapter(network: Any, settings: GeneratorAdapter, seed: int) -> list[Any]:
    """Add an adapter to a network and freeze everything else.

    The network computes as before: of each pair of matrices one begins at random, the other at 0.

    Args:
        network: of diffusers.
        settings: rank, scale, and which modules it adapts.
        seed: of the random matrices.

    Returns:
        The parameters to train.

    Raises:
        InputError: there are no such modules.
    """
    from peft import LoraConfig

    refuse_absent_modules(network, settings.target_modules)
    network.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network.add_adapter(
            LoraConfig(
                r=settings.rank,
                lora_alpha=settings.alpha,
                init_lora_weights="gaussian",
                target_modules=list(settings.target_modules),
            ),
            adapter_name=NAME,
        )
    trained = {name: value for name, value in network.named_parameters() if value.requires_grad}
    if not trained or any("lora_" not in name for name in trained):
        raise RuntimeError(f"trained are {sorted(trained)}")
    return list(trained.values())


def refuse_absent_modules(network: Any, names: Sequence[str]) -> None:
    """Raise an InputError unless each name is that of linear layers or convolutions of a network.

    A name is a module's, or the end of it after a full stop, as peft reads it.
    """
    layers = [
        name
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)
    ]
    absent = [
        name for name in names if not any(f".{layer}".endswith(f".{name}") for layer in layers)
    ]
    if absent:
        ends = sorted({_end(layer) for layer in layers})
        raise InputError(
            list_faults(
                "generator.fine_tuning.adapter.target_modules that the denoiser "
                f"({type(network).__name__}) does not have",
                [repr(name) for name in absent],
            )
            + f"\nit has: {', '.join(ends)}"
        )


def _end(layer: str) -> str:
    """The last part of a module's name; of an item of a list, with the list's name."""
    *_, before, last = ["", *layer.split(".")]
    return f"{before}.{last}" if last.isdigit() else last


def save_adapter(network: Any, part: str, file: Path) -> None:
    """Write a network's adapter.

    Args:
        network: with an adapter.
        part: of the pipeline that the network is: ``unet`` or ``transformer``.
        file: whose folder is made.
    """
    from peft import get_peft_model_state_dict

    layers = get_peft_model_state_dict(network, adapter_name=NAME)
    tensors = {f"{part}.{name}": layers[name].contiguous() for name in sorted(layers)}
    config = network.peft_config[NAME].to_dict()
    described = {
        f"{part}.{key}": sorted(value) if isinstance(value, set) else value
        for key, value in config.items()
    }
    # One entry alone: the library writes several in an order that changes from file to file.
    header = {CONFIGURATION: json.dumps(described, indent=2, sort_keys=True)}
    file.parent.mkdir(parents=True)
    save_file(tensors, file, metadata=header)


def fuse_adapter(network: Any, file: Path) -> None:
    """Add an adapter's product to a network's weights.

    Raises:
        InputError: the file is damaged, or of another network.
    """
    from peft import get_peft_model_state_dict

    try:
        with safe_open(file, "pt") as content:
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
            described = json.loads(content.metadata()[CONFIGURATION])
        part = next(iter(tensors)).partition(".")[0]
        network.load_lora_adapter(tensors, prefix=part, metadata=described, adapter_name=NAME)
        found = get_peft_model_state_dict(network, adapter_name=NAME)
        if {f"{part}.{name}" for name in found} != tensors.keys():
            raise ValueError("its tensors are not those that its configuration asks for")
    except Exception as error:  # of whatever class a library raises
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"{file}: it is damaged, or of another model ({type(error).__name__}: {reason}); "
            "`dvc repro finetune_generator` makes it again"
        ) from error
    network.fuse_lora()
    network.unload_lora()
