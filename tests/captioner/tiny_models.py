"""Tiny random models of the real classes, in the hub's exact layout, one of each kind of captioner.

Each builder writes a folder that a family loads like any published model: config, safetensors,
tokenizer, processor. Weights are random but large enough that an epoch teaches something.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SIDE = 32  # pixels
PATCH = 8
WIDTH = 32
TEXTS = ["a red wall", "one wall, all of it green", "a picture of a blue wall", "describe it"]


def byte_tokenizer(texts: Sequence[str], special: Sequence[str], **names: Any) -> Any:
    """A byte-level BPE as GPT-2's and its successors', trained on ``texts``."""
    from transformers import PreTrainedTokenizerFast

    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(special),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=learner, **names)


def word_tokenizer(texts: Sequence[str]) -> Any:
    """BERT's, trained on ``texts``."""
    from caption_curation.captioner.bases.scratch import train_tokenizer

    trained = train_tokenizer(texts, 200)
    from transformers import BertTokenizerFast

    return BertTokenizerFast(vocab=trained.get_vocab(), do_lower_case=True)


def _save(folder: Path, model: Any, *parts: Any) -> Path:
    torch.manual_seed(0)
    model.save_pretrained(folder)
    for part in parts:
        part.save_pretrained(folder)
    return folder


def git(folder: Path) -> Path:
    """A visual prefix inside the model: GIT."""
    from transformers import CLIPImageProcessorPil, GitConfig, GitForCausalLM, GitProcessor

    tokenizer = word_tokenizer(TEXTS)
    size = {"hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = GitConfig(
        **size,
        vocab_size=len(tokenizer),
        intermediate_size=2 * WIDTH,
        max_position_embeddings=64,
        initializer_range=0.1,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        pad_token_id=tokenizer.pad_token_id,
        vision_config={
            **size,
            "intermediate_size": 2 * WIDTH,
            "image_size": SIDE,
            "patch_size": PATCH,
            "initializer_range": 0.1,
        },
    )
    torch.manual_seed(0)
    images = CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )
    return _save(folder, GitForCausalLM(config), GitProcessor(images, tokenizer))


def blip_2(folder: Path) -> Path:
    """A visual prefix at places for it: BLIP-2 with OPT."""
    from transformers import (
        Blip2Config,
        Blip2ForConditionalGeneration,
        Blip2Processor,
        BlipImageProcessorPil,
    )

    special = ["<pad>", "</s>", "<image>"]
    tokenizer = byte_tokenizer(
        TEXTS, special, pad_token="<pad>", eos_token="</s>", bos_token="</s>"
    )
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    place = tokenizer.convert_tokens_to_ids("<image>")
    size = {"hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Blip2Config(
        vision_config={
            **size,
            "intermediate_size": 2 * WIDTH,
            "image_size": SIDE,
            "patch_size": PATCH,
            "initializer_range": 0.1,
        },
        qformer_config={
            **size,
            "vocab_size": 10,
            "intermediate_size": 2 * WIDTH,
            "encoder_hidden_size": WIDTH,
            "initializer_range": 0.1,
        },
        text_config={
            "model_type": "opt",
            "vocab_size": len(tokenizer),
            "hidden_size": WIDTH,
            "word_embed_proj_dim": WIDTH,
            "ffn_dim": 2 * WIDTH,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "max_position_embeddings": 64,
            "init_std": 0.1,
            "dropout": 0.1,
            "bos_token_id": tokenizer.eos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        num_query_tokens=4,
        image_token_index=place,
        initializer_range=0.1,
    )
    torch.manual_seed(0)
    model = Blip2ForConditionalGeneration(config)
    images = BlipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    return _save(folder, model, Blip2Processor(images, tokenizer, num_query_tokens=4))


def smolvlm(folder: Path) -> Path:
    """Places for image tokens, a picture in tiles, a chat template: SmolVLM."""
    from transformers import (
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMProcessor,
    )
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil
    from transformers.models.smolvlm.video_processing_smolvlm import SmolVLMVideoProcessor

    special = [
        "<|endoftext|>",
        "<end_of_utterance>",
        "<fake_token_around_image>",
        "<image>",
        "<global-img>",
        "<row_1_col_1>",
    ]
    tokenizer = byte_tokenizer(
        TEXTS,
        special,
        pad_token="<|endoftext|>",
        eos_token="<end_of_utterance>",
        bos_token="<|endoftext|>",
    )
    tokenizer.add_tokens(special, special_tokens=True)
    place = tokenizer.convert_tokens_to_ids("<image>")
    size = {"hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = SmolVLMConfig(
        vision_config={
            **size,
            "intermediate_size": 2 * WIDTH,
            "image_size": SIDE,
            "patch_size": PATCH,
            "initializer_range": 0.1,
        },
        text_config={
            "model_type": "llama",
            **size,
            "num_key_value_heads": 1,
            "intermediate_size": 2 * WIDTH,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 128,
            "initializer_range": 0.1,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        image_token_id=place,
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    model = SmolVLMForConditionalGeneration(config)
    images = SmolVLMImageProcessorPil(
        size={"longest_edge": SIDE}, max_image_size={"longest_edge": SIDE}, do_image_splitting=False
    )
    template = (
        "<|endoftext|>{% for message in messages %}{{ message['role'] | capitalize }}:"
        "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>"
        "{% else %} {{ part['text'] }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
        "{% if add_generation_prompt %}Assistant:{% endif %}"
    )
    processor = SmolVLMProcessor(
        images,
        tokenizer,
        SmolVLMVideoProcessor(),
        image_seq_len=(SIDE // PATCH // 2) ** 2,
        chat_template=template,
    )
    return _save(folder, model, processor)


def qwen2_vl(folder: Path) -> Path:
    """A flattened grid of patches: Qwen2-VL."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLProcessor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
        Qwen2VLImageProcessorPil,
    )
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor

    special = [
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<|vision_start|>",
        "<|vision_end|>",
        "<|image_pad|>",
        "<|video_pad|>",
    ]
    tokenizer = byte_tokenizer(TEXTS, special, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    tokenizer.add_tokens(special, special_tokens=True)
    ids = dict(zip(special, tokenizer.convert_tokens_to_ids(special), strict=True))
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "max_position_embeddings": 128,
            "initializer_range": 0.1,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [2, 3, 3],
            },
            "bos_token_id": ids["<|endoftext|>"],
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            "depth": 1,
            "embed_dim": WIDTH,
            "hidden_size": WIDTH,
            "num_heads": 2,
            "mlp_ratio": 2,
            "patch_size": PATCH,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "initializer_range": 0.1,
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    torch.manual_seed(0)
    model = Qwen2VLForConditionalGeneration(config)
    images = Qwen2VLImageProcessorPil(
        patch_size=PATCH, merge_size=2, size={"shortest_edge": 256, "longest_edge": 4096}
    )
    template = (
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
        "{% for part in message['content'] %}{% if part['type'] == 'image' %}"
        "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
        "{% endfor %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    videos = Qwen2VLVideoProcessor(patch_size=PATCH, merge_size=2)
    processor = Qwen2VLProcessor(images, tokenizer, videos, chat_template=template)
    return _save(folder, model, processor)


def florence2(folder: Path) -> Path:
    """An encoder that reads picture and task, and a decoder: Florence-2."""
    from transformers import (
        CLIPImageProcessorPil,
        Florence2Config,
        Florence2ForConditionalGeneration,
        Florence2Processor,
    )

    special = ["<s>", "<pad>", "</s>", "<unk>", "<image>"]
    tokenizer = byte_tokenizer(
        [*TEXTS, "What does the image describe?"],
        special,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        extra_special_tokens={"image_token": "<image>"},
    )
    config = Florence2Config(
        text_config={
            "model_type": "bart",
            "vocab_size": len(tokenizer),
            "d_model": WIDTH,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 2 * WIDTH,
            "decoder_ffn_dim": 2 * WIDTH,
            "max_position_embeddings": 64,
            "init_std": 0.1,
            "dropout": 0.1,
            "attention_dropout": 0.1,
            "bos_token_id": 0,
            "pad_token_id": 1,
            "eos_token_id": 2,
            "decoder_start_token_id": 2,
            "forced_bos_token_id": 0,
        },
        vision_config={
            "embed_dim": [16, WIDTH],
            "num_heads": [2, 2],
            "num_groups": [2, 2],
            "depths": [1, 1],
            "patch_size": [4, 2],
            "patch_stride": [4, 2],
            "patch_padding": [0, 0],
            "patch_prenorm": [False, True],
            "window_size": 4,
            "drop_path_rate": 0.1,
            "projection_dim": WIDTH,
            "max_position_embeddings": 8,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=1,
        decoder_start_token_id=2,
        forced_bos_token_id=0,
    )
    torch.manual_seed(0)
    model = Florence2ForConditionalGeneration(config)
    model.generation_config.forced_bos_token_id = 0  # as in its generation_config.json
    images = CLIPImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )
    images.image_seq_length = 17
    return _save(folder, model, Florence2Processor(images, tokenizer))


def vit_gpt2(folder: Path) -> Path:
    """An image encoder and a text decoder beside it: ViT-GPT2."""
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        VisionEncoderDecoderModel,
        ViTConfig,
        ViTImageProcessorPil,
        ViTModel,
    )

    tokenizer = byte_tokenizer(
        TEXTS, ["<|endoftext|>"], eos_token="<|endoftext|>", bos_token="<|endoftext|>"
    )
    torch.manual_seed(0)
    encoder = ViTModel(
        ViTConfig(
            hidden_size=WIDTH,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=2 * WIDTH,
            image_size=SIDE,
            patch_size=PATCH,
            initializer_range=0.1,
        )
    )
    end = tokenizer.eos_token_id
    decoder = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=64,
            n_embd=WIDTH,
            n_layer=1,
            n_head=2,
            initializer_range=0.1,
            bos_token_id=end,
            eos_token_id=end,
            is_decoder=True,
            add_cross_attention=True,
        )
    )
    model = VisionEncoderDecoderModel(encoder=encoder, decoder=decoder)
    model.config.decoder_start_token_id = model.config.eos_token_id = end
    model.config.pad_token_id = end
    images = ViTImageProcessorPil(size={"height": SIDE, "width": SIDE})
    return _save(folder, model, tokenizer, images)


def paligemma(folder: Path) -> Path:
    """Places for image tokens and a question that look ahead, unlike the answer: PaliGemma."""
    from transformers import (
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
        SiglipImageProcessorPil,
    )

    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<image>"]
    tokenizer = byte_tokenizer(
        TEXTS, special, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>"
    )
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    tokens = (SIDE // PATCH) ** 2
    images = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    images.image_seq_length = tokens
    processor = PaliGemmaProcessor(images, tokenizer)  # which adds its own tokens
    size = {"hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = PaliGemmaConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            **size,
            "intermediate_size": 2 * WIDTH,
            "image_size": SIDE,
            "patch_size": PATCH,
            "projection_dim": WIDTH,
        },
        text_config={
            "model_type": "gemma",
            **size,
            "num_key_value_heads": 1,
            "head_dim": WIDTH // 2,
            "intermediate_size": 2 * WIDTH,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 128,
            "initializer_range": 0.1,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        projection_dim=WIDTH,
        hidden_size=WIDTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    return _save(folder, PaliGemmaForConditionalGeneration(config), processor)


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "git": git,
    "blip_2": blip_2,
    "smolvlm": smolvlm,
    "qwen2_vl": qwen2_vl,
    "florence2": florence2,
    "paligemma": paligemma,
    "vit_gpt2": vit_gpt2,
}
