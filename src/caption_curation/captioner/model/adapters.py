"""Adapters (LoRA, Hu et al. 2021): small trained weights beside a base model that stays as it is.

What an epoch saves, and DVC caches and shares, is the adapter alone, in peft's layout, and the
digest of the base that it was trained on. The base is the captioner of epoch 0.
"""

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caption_curation import paths
from caption_curation.captioner.model import ADAPTER_BASE as BASE
from caption_curation.captioner.model import ADAPTER_SETTINGS as SETTINGS
from caption_curation.captioner.model import ADAPTER_WEIGHTS as WEIGHTS
from caption_curation.config.profile import Adapter
from caption_curation.model_files import weights_digest
from caption_curation.support.errors import InputError
from caption_curation.support.reading import read_json
from caption_curation.support.sections import validate

if TYPE_CHECKING:
    from caption_curation.captioner.model.captioner import Captioner

PREFIX = "base_model.model."  # of the tensors' names, where peft wraps a model


@dataclass(frozen=True)
class AdapterOf:
    """Of which model weights are an adapter: the SHA-256 of its files, 64 hexadecimal digits."""

    base: str


def adapted_folder(folder: Path, base: Path | None = None) -> Path | None:
    """The folder of the base model of which a folder holds an adapter; ``None`` if it holds none.

    Args:
        folder: of an adapter, or of a whole model.
        base: where an adapter's base is; ``None``: the captioner of epoch 0.

    Raises:
        InputError: the base is not there, or another one than the adapter was trained on.
    """
    if not (folder / SETTINGS).is_file():
        return None
    record = read_json(folder / BASE)
    digest = record.get("digest") if isinstance(record, dict) else None
    base = base or paths.captioner(0)
    if not base.is_dir():
        raise InputError(f"{folder}: an adapter of the captioner {base}, which is not there")
    if weights_digest(base) != digest:
        raise InputError(
            f"{folder}: an adapter of another base model than {base} now is ({digest})"
        )
    return base


def new_adapter(captioner: "Captioner", adapter: Adapter, base: Path, seed: int) -> "Captioner":
    """The captioner with a new adapter, which changes nothing yet; only its weights are trained.

    Args:
        captioner: the base model, which is changed in place.
        adapter: its settings.
        base: the folder that it was loaded from.
        seed: of the adapter's random weights.

    Raises:
        InputError: a target module is none of the model's.
    """
    import torch

    torch.manual_seed(seed)
    _inject(captioner.model, _lora(adapter))
    return replace(captioner, adapter=AdapterOf(weights_digest(base)))


def load_adapter(captioner: "Captioner", folder: Path) -> "Captioner":
    """The base model with the adapter that was saved in a folder, whose weights can be trained.

    Raises:
        InputError: its tensors are not those of its settings.
    """
    import peft
    from safetensors.torch import load_file

    # Made anew, not from the file: as that has it, the adapter's weights would come back frozen.
    settings = _lora(_saved_settings(folder / SETTINGS))
    _inject(captioner.model, settings)
    saved = {
        name.removeprefix(PREFIX): value for name, value in load_file(folder / WEIGHTS).items()
    }
    expected = peft.get_peft_model_state_dict(captioner.model)
    odd = sorted(set(saved) ^ set(expected)) or [
        name for name, value in expected.items() if value.shape != saved[name].shape
    ]
    if odd:
        raise InputError(
            f"{folder / WEIGHTS}: its tensors are not those of {SETTINGS}: {', '.join(odd[:3])}"
        )
    peft.set_peft_model_state_dict(captioner.model, saved)
    record = read_json(folder / BASE)
    return replace(captioner, adapter=AdapterOf(record["digest"]))


def save_adapter(model: Any, adapter: AdapterOf, folder: Path) -> None:
    """Save the adapter of a model, and the digest of its base."""
    import peft
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = peft.get_peft_model_state_dict(model)
    save_file(
        {PREFIX + name: value.contiguous() for name, value in sorted(tensors.items())},
        folder / WEIGHTS,
    )
    settings = model.peft_config["default"].to_dict()
    settings["target_modules"] = sorted(settings["target_modules"])
    settings["inference_mode"] = True
    (folder / SETTINGS).write_text(
        json.dumps({name: _plain(value) for name, value in sorted(settings.items())}, indent=2)
        + "\n",
        encoding="utf-8",
    )
    (folder / BASE).write_text(json.dumps({"digest": adapter.base}) + "\n", encoding="utf-8")


def merged(captioner: "Captioner") -> "Captioner":
    """The captioner as a whole model, whose weights are the base's and the adapter's together.

    Args:
        captioner: with an adapter, which is put into its model in place.

    Raises:
        InputError: a weight that the adapter changes is another layer's too, which would be changed
            with it, or what comes out is NaN or infinite.
    """
    from peft.tuners.lora import LoraLayer

    model = captioner.model
    users = Counter(id(value) for _, value in model.named_parameters(remove_duplicate=False))
    layers = {name: x for name, x in model.named_modules() if isinstance(x, LoraLayer)}
    for name, layer in layers.items():
        base = layer.get_base_layer()
        if users[id(base.weight)] > 1:
            raise InputError(
                f"adapter: {name}: its weight is another layer's too, and cannot be merged"
            )
        try:
            layer.merge(safe_merge=True)
        except ValueError as error:
            raise InputError(f"adapter: {name}: {error}") from error
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, base)
    del model.peft_config
    return replace(captioner, adapter=None)


def check_adapter(captioner: "Captioner", adapter: Adapter | None) -> None:
    """Refuse to train on with what is not the adapter that the profile asks for.

    Raises:
        InputError: the adapter has other settings; there is one and none is wanted, or the other
            way round; weights of the base would be trained, or none of the adapter.
    """
    has = captioner.adapter is not None
    if has != (adapter is not None):
        found = "an adapter" if has else "a whole model"
        raise InputError(
            f"profile: captioner.fine_tuning.adapter = {adapter!r}: the last epoch left {found}"
        )
    if adapter is None:
        return
    settings = captioner.model.peft_config["default"]
    kept = (settings.r, settings.lora_alpha, settings.lora_dropout, set(settings.target_modules))
    wanted = (adapter.rank, adapter.alpha, adapter.dropout, set(adapter.target_modules))
    if kept != wanted:
        raise InputError(
            f"profile: captioner.fine_tuning.adapter = {wanted}: the last epoch's is {kept}"
        )
    _refuse_wrongly_trained(captioner.model)


def _saved_settings(file: Path) -> Adapter:
    content = read_json(file)
    names = {"rank": "r", "alpha": "lora_alpha", "dropout": "lora_dropout"}
    names["target_modules"] = "target_modules"
    faults: list[str] = []
    values = content if isinstance(content, dict) else {}
    adapter = validate(
        Adapter, {ours: values.get(theirs) for ours, theirs in names.items()}, file, faults
    )
    if adapter is None:
        raise InputError("\n".join(faults))
    return adapter


def _lora(adapter: Adapter) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=list(adapter.target_modules),
        bias="none",
    )


def _inject(model: Any, settings: Any) -> None:
    """Put an adapter's layers into a model, and leave them alone trainable."""
    from peft import inject_adapter_in_model

    layers = linear_names(model)
    # The library passes over a name of no module where another has one.
    nowhere = [name for name in sorted(settings.target_modules) if name not in layers]
    if nowhere:
        raise InputError(
            "profile: captioner.fine_tuning.adapter.target_modules = "
            f"{sorted(settings.target_modules)}: this model has no linear layer "
            f"{' or '.join(nowhere)}; it has {', '.join(layers)}"
        )
    inject_adapter_in_model(settings, model)
    model.peft_config = {"default": settings}
    _refuse_wrongly_trained(model)


def linear_names(model: Any) -> list[str]:
    """The last parts of the names of a model's linear layers, sorted."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D  # GPT-2's linear layer

    return sorted(
        {
            name.rpartition(".")[2]
            for name, module in model.named_modules()
            if isinstance(module, Linear | Conv1D)
        }
    )


def _refuse_wrongly_trained(model: Any) -> None:
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    adapter = {name for name, _ in model.named_parameters() if ".lora_" in name}
    if not adapter or trained != adapter:
        raise InputError(
            f"adapter: {len(adapter - trained)} of its {len(adapter)} tensors are frozen, and "
            f"{len(trained - adapter)} of the base would be trained"
        )


def _plain(value: Any) -> Any:
    """A setting as JSON can hold it."""
    if isinstance(value, set):
        return sorted(value)
    return (
        value
        if isinstance(value, str | int | float | bool | list | dict)
        else (None if value is None else str(value))
    )
