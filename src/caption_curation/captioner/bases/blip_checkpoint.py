"""Original BLIP checkpoints (``model_base.pth`` and the like) as transformers' models.

salesforce/BLIP publishes pretrained models as pickles of a whole training state. This module takes
the image encoder and the text decoder from them, and unpickles nothing but tensors and plain
values. What the tensors' shapes do not tell comes from BLIP's configuration
(configs/med_config.json, models/vit.py): attention heads of 64 channels, dropout of 0.1 in the
decoder, and an epsilon of 1e-6 in the encoder's layer normalisation. The conversion on the Hugging
Face hub differs in the last two: it has no dropout and 1e-5. The stochastic depth that BLIP trains
ViT-L with does not exist in transformers' model.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import interpolate

from caption_curation.captioner.bases import TOKENIZER_FILES
from caption_curation.captioner.families.blip import new_config, new_tokenizer
from caption_curation.captioner.model.captioner import Captioner
from caption_curation.config.inputs import Checkpoint
from caption_curation.config.profile import HubModel
from caption_curation.model_files import file_digest
from caption_curation.model_loading import refuse_non_finite
from caption_curation.pretrained import obtain_model
from caption_curation.support.errors import InputError, list_faults

HEAD_CHANNELS = 64
VISION_EPSILON = 1e-6
TEXT_EPSILON = 1e-12
DROPOUT = 0.1

# The decoder's parameters have the same names in both models; those of the image encoder are
# renamed, by these replacements in turn:
VISION_NAMES = {
    "vision_model.": "visual_encoder.",
    "embeddings.class_embedding": "cls_token",
    "embeddings.position_embedding": "pos_embed",
    "embeddings.patch_embedding": "patch_embed.proj",
    "encoder.layers.": "blocks.",
    "self_attn.projection": "attn.proj",
    "self_attn.qkv": "attn.qkv",  # fused in both: all queries, then keys, then values
    "layer_norm": "norm",
    "post_layernorm": "norm",
}
POSITIONS = "visual_encoder.pos_embed"
WORDS = "text_decoder.bert.embeddings.word_embeddings.weight"
OUTPUT_WORDS = "text_decoder.cls.predictions.decoder.weight"  # tied to WORDS
BIAS = "text_decoder.cls.predictions.bias"  # tied to OUTPUT_BIAS
OUTPUT_BIAS = "text_decoder.cls.predictions.decoder.bias"
# The tensors that a model's size is inferred from, with their numbers of dimensions.
SIZES = {
    POSITIONS: 3,
    "visual_encoder.patch_embed.proj.weight": 4,
    "visual_encoder.blocks.0.mlp.fc1.weight": 2,
    WORDS: 2,
    "text_decoder.bert.embeddings.position_embeddings.weight": 2,
    "text_decoder.bert.encoder.layer.0.intermediate.dense.weight": 2,
}
# What a captioner does not need: the rest of the pretraining model, a constant, and the output
# bias under its other name, which pretraining leaves without the two special tokens.
UNUSED = re.compile(
    r"(visual_encoder_m|text_encoder|text_encoder_m|vision_proj|vision_proj_m|text_proj|text_proj_m"
    r"|itm_head)\..*|image_queue|text_queue|queue_ptr|temp"
    rf"|text_decoder\.bert\.embeddings\.position_ids|{re.escape(BIAS)}"
)


def convert_checkpoint(source: Checkpoint, image_size: int) -> Captioner:
    """The captioner that an original checkpoint holds, in float32, on the CPU.

    Args:
        source: the checkpoint and its vocabulary.
        image_size: width and height in pixels; if the checkpoint's position embeddings are for
            another size, they are interpolated (bicubic) as in BLIP.

    Raises:
        InputError: the file does not exist, is not the expected one, or contains more than plain
            tensors; or tensors are missing, unexpected or of a wrong shape (all are named).
    """
    path = source.path
    tensors = read_checkpoint(path, source.sha256)
    tokenizer = blip_tokenizer(source.tokenizer)
    model = _model(path, tensors, tokenizer, image_size)
    return Captioner(model, tokenizer, torch.device("cpu"), image_size)


def read_checkpoint(path: Path, sha256: str | None) -> dict[str, torch.Tensor]:
    """The tensors under ``model`` in a checkpoint file, by name, without running code from it.

    Args:
        path: a file that ``torch.save`` wrote.
        sha256: of the file, or ``None`` to accept any; then the digest is printed.
    """
    if not path.is_file():
        raise InputError(f"checkpoint {path}: there is no such file (from {Path.cwd()})")
    digest = file_digest(path)
    if sha256 is None:
        print(f"{path} has SHA-256 {digest}; pin it as its sha256")
    elif digest != sha256:
        raise InputError(
            f"checkpoint {path}: its SHA-256 is {digest}, but its sha256 is pinned as {sha256}: "
            "the file is another one, or its download is incomplete"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes make the unpickler raise any class
        objects = re.search(r"GLOBAL (\S+)", str(error))
        reason = f"it holds {objects[1]}" if objects else "it is damaged or of another kind"
        raise InputError(
            f"checkpoint {path}: refused, as it is not a file of tensors and plain values, and "
            f"loading anything else can run code ({reason})"
        ) from error
    tensors = content.get("model") if isinstance(content, dict) else None
    if not isinstance(tensors, dict) or not all(map(torch.is_tensor, tensors.values())):
        raise InputError(
            f"checkpoint {path}: it has no tensors under the key 'model', where BLIP's have them"
        )
    return tensors


def blip_tokenizer(source: Path | HubModel) -> Any:
    """BERT's tokenizer with BLIP's two extra tokens, ``[DEC]`` and ``[ENC]``, at the end.

    Args:
        source: a folder or model on the hub that holds BERT's ``vocab.txt``.
    """
    folder = obtain_model(source, required=TOKENIZER_FILES)
    # Not splitlines(), which also splits at characters that are entries of the vocabulary.
    words = (folder / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    return new_tokenizer({word: index for index, word in enumerate([*words, "[DEC]", "[ENC]"])})


def original_name(name: str) -> str:
    """The name in BLIP's checkpoints of a parameter of ``BlipForConditionalGeneration``."""
    if name == BIAS:
        return OUTPUT_BIAS
    if name.startswith("vision_model."):
        for ours, theirs in VISION_NAMES.items():
            name = name.replace(ours, theirs)
    return name


def interpolated_positions(positions: torch.Tensor, side: int) -> torch.Tensor:
    """Position embeddings for ``side`` × ``side`` patches (salesforce/BLIP, models/vit.py).

    Args:
        positions: (1, 1 + patches, channels), the class token's first; the patches form a square.
        side: number of patches in a row and in a column.

    Returns:
        (1, 1 + side², channels).
    """
    of_class, of_patches = positions[:, :1], positions[:, 1:]
    old_side = math.isqrt(of_patches.shape[1])
    if old_side == side:
        return positions
    grid = of_patches.reshape(1, old_side, old_side, -1).permute(0, 3, 1, 2)
    grid = interpolate(grid, size=(side, side), mode="bicubic", align_corners=False)
    return torch.cat([of_class, grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)


def _model(path: Path, tensors: Mapping[str, torch.Tensor], tokenizer: Any, image_size: int) -> Any:
    """transformers' model with the checkpoint's parameters."""
    from transformers import BlipForConditionalGeneration

    faults = _size_faults(tensors, len(tokenizer), image_size)
    if faults:
        raise InputError(list_faults(f"checkpoint {path} does not hold a BLIP captioner", faults))
    model = BlipForConditionalGeneration(_config(tensors, tokenizer, image_size))
    side = image_size // _patch_size(tensors)
    tensors = {**tensors, POSITIONS: interpolated_positions(tensors[POSITIONS].float(), side)}

    wanted = {name: original_name(name) for name in model.state_dict()}
    shapes = {wanted[name]: value.shape for name, value in model.state_dict().items()}
    faults = [f"{name} is missing" for name in shapes if name not in tensors]
    faults += [
        f"{name} is not expected"
        for name in tensors
        if name not in shapes and not UNUSED.fullmatch(name)
    ]
    faults += [
        f"{name} has the shape {tuple(tensors[name].shape)} instead of {tuple(shape)}"
        for name, shape in shapes.items()
        if name in tensors and tensors[name].shape != shape
    ]
    if not faults and not torch.equal(tensors[WORDS], tensors[OUTPUT_WORDS]):
        faults = [f"{OUTPUT_WORDS} differs from {WORDS}, though they are one parameter"]
    if faults:
        raise InputError(list_faults(f"checkpoint {path} does not hold a BLIP captioner", faults))
    model.load_state_dict({ours: tensors[theirs] for ours, theirs in wanted.items()})
    refuse_non_finite(model, path)
    return model


def _size_faults(tensors: Mapping[str, torch.Tensor], tokens: int, image_size: int) -> list[str]:
    """Reasons why no model of the checkpoint's size can be built."""
    faults = [f"{name} is missing" for name in SIZES if name not in tensors]
    faults += [
        f"{name} has {tensors[name].ndim} dimensions instead of {dimensions}"
        for name, dimensions in SIZES.items()
        if name in tensors and tensors[name].ndim != dimensions
    ]
    if faults:
        return faults
    patches, patch = tensors[POSITIONS].shape[1] - 1, _patch_size(tensors)
    if patches < 1 or math.isqrt(patches) ** 2 != patches:
        faults.append(f"{POSITIONS} is for {patches} patches, which make no square")
    if image_size % patch:
        faults.append(f"captioner.image_size = {image_size} is no multiple of its {patch} pixels")
    for name, width in {
        POSITIONS: tensors[POSITIONS].shape[2],
        WORDS: tensors[WORDS].shape[1],
    }.items():
        if width % HEAD_CHANNELS:
            faults.append(f"{name} has {width} channels, no multiple of {HEAD_CHANNELS}")
    if tensors[WORDS].shape[0] != tokens:
        faults.append(
            f"{WORDS} is for {tensors[WORDS].shape[0]} tokens, but captioner.base.tokenizer has "
            f"{tokens}, with [DEC] and [ENC]"
        )
    return faults


def _config(tensors: Mapping[str, torch.Tensor], tokenizer: Any, image_size: int) -> Any:
    vision_width, text_width = tensors[POSITIONS].shape[2], tensors[WORDS].shape[1]
    text = {
        "hidden_size": text_width,
        "intermediate_size": _rows(tensors, "text_decoder.bert.encoder.layer.0.intermediate.dense"),
        "num_hidden_layers": _layers(tensors, "text_decoder.bert.encoder.layer"),
        "num_attention_heads": text_width // HEAD_CHANNELS,
        "max_position_embeddings": _rows(
            tensors, "text_decoder.bert.embeddings.position_embeddings"
        ),
        "hidden_dropout_prob": DROPOUT,
        "attention_probs_dropout_prob": DROPOUT,
        "layer_norm_eps": TEXT_EPSILON,
    }
    vision = {
        "hidden_size": vision_width,
        "intermediate_size": _rows(tensors, "visual_encoder.blocks.0.mlp.fc1"),
        "num_hidden_layers": _layers(tensors, "visual_encoder.blocks"),
        "num_attention_heads": vision_width // HEAD_CHANNELS,
        "image_size": image_size,
        "patch_size": _patch_size(tensors),
        "layer_norm_eps": VISION_EPSILON,
    }
    return new_config(tokenizer, text, vision)


def _rows(tensors: Mapping[str, torch.Tensor], name: str) -> int:
    return tensors[f"{name}.weight"].shape[0]


def _patch_size(tensors: Mapping[str, torch.Tensor]) -> int:
    return tensors["visual_encoder.patch_embed.proj.weight"].shape[2]


def _layers(tensors: Mapping[str, torch.Tensor], prefix: str) -> int:
    """Number of layers: one more than the highest layer index."""
    pattern = re.compile(rf"{re.escape(prefix)}\.(\d+)\.")
    return 1 + max(int(match[1]) for name in tensors if (match := pattern.match(name)))
