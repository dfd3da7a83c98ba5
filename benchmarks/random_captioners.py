"""Captioners of other families than BLIP, at published sizes, with random weights."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from caption_curation.captioner.bases import scratch as scratch_captioner
from caption_curation.config.profile import Adapter

END = "<|endoftext|>"
IMAGE = "<image>"
SMOLVLM_SIDE, SMOLVLM_TOKENS = 512, 64  # of a tile: 4,096 pixels a token (huggingface/blog)
SMOLVLM_LONGEST = 2048  # pixels: a picture becomes 4 x 4 tiles at most, and itself as one


@dataclass(frozen=True)
class PublishedCaptioner:
    """A captioner, and how its profile uses it.

    Attributes:
        models: what profiles call it.
        image_size: width and height that pictures are resized to.
        instruction: that it is asked.
        adapter: that is trained; ``None``: the whole model.
        make: gives its model with random weights and its tokenizer (with room for no fewer tokens
            than it has), which the model's configuration follows where it has to.
        parts: gives what is saved beside the model: a tokenizer, or processors.
    """

    models: tuple[str, ...]
    image_size: int
    instruction: str | None
    adapter: Adapter | None
    make: Callable[[Any], Any]
    tokenizer: Callable[[Iterable[str]], Any]
    parts: Callable[[Any], list[Any]]

    def write(self, folder: Path, captions: Iterable[str]) -> Path:
        """The model in the hub's layout; its tokenizer is learned from ``captions``."""
        tokenizer = self.tokenizer(captions)
        self.make(tokenizer).save_pretrained(folder)
        for part in self.parts(tokenizer):
            part.save_pretrained(folder)
        return folder


def _byte_tokenizer(captions: Iterable[str], special: list[str], **names: str) -> Any:
    from transformers import PreTrainedTokenizerFast

    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2000,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learner.train_from_iterator(captions, trainer)
    made = PreTrainedTokenizerFast(tokenizer_object=learner, **names)
    made.add_tokens(special, special_tokens=True)
    return made


def _word_tokenizer(captions: Iterable[str]) -> Any:
    from transformers import BertTokenizerFast

    trained = scratch_captioner.train_tokenizer(captions, 2000)
    return BertTokenizerFast(vocab=trained.get_vocab(), do_lower_case=True)


def _git(tokenizer: Any) -> Any:
    """microsoft/git-base, whose sizes are the defaults of transformers' GitConfig."""
    from transformers import GitConfig, GitForCausalLM

    return GitForCausalLM(
        GitConfig(
            bos_token_id=tokenizer.cls_token_id,
            eos_token_id=tokenizer.sep_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _git_parts(tokenizer: Any) -> list[Any]:
    from transformers import CLIPImageProcessorPil, GitProcessor

    size = {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}}
    return [GitProcessor(CLIPImageProcessorPil(**size), tokenizer)]


def _vit_gpt2(tokenizer: Any) -> Any:
    """A ViT-Base and a GPT-2, the defaults of their configurations, with cross-attention."""
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        VisionEncoderDecoderModel,
        ViTConfig,
        ViTModel,
    )

    end = tokenizer.eos_token_id
    decoder = GPT2Config(
        is_decoder=True, add_cross_attention=True, bos_token_id=end, eos_token_id=end
    )
    model = VisionEncoderDecoderModel(
        encoder=ViTModel(ViTConfig()), decoder=GPT2LMHeadModel(decoder)
    )
    model.config.decoder_start_token_id = model.config.eos_token_id = end
    model.config.pad_token_id = end
    return model


def _vit_gpt2_parts(tokenizer: Any) -> list[Any]:
    from transformers import ViTImageProcessorPil

    return [tokenizer, ViTImageProcessorPil(size={"height": 224, "width": 224})]


def _smolvlm(tokenizer: Any) -> Any:
    """SmolVLM-500M: SigLIP base with patches of 16 pixels, and SmolLM2 360M."""
    from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration

    return SmolVLMForConditionalGeneration(
        SmolVLMConfig(
            vision_config={
                "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
                "num_attention_heads": 12, "image_size": SMOLVLM_SIDE, "patch_size": 16,
            },
            text_config={
                "model_type": "llama", "hidden_size": 960, "intermediate_size": 2560,
                "num_hidden_layers": 32, "num_attention_heads": 15, "num_key_value_heads": 5,
                "vocab_size": 49280, "max_position_embeddings": 8192,
                "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
                "pad_token_id": tokenizer.pad_token_id,
            },
            scale_factor=4,
            image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
            pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip


def _smolvlm_tokenizer(captions: Iterable[str]) -> Any:
    special = [END, "<end_of_utterance>", "<fake_token_around_image>", IMAGE, "<global-img>"]
    special += [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    return _byte_tokenizer(
        captions, special, pad_token=END, eos_token="<end_of_utterance>", bos_token=END
    )


def _smolvlm_parts(tokenizer: Any) -> list[Any]:
    """The processor, which needs torchvision for videos."""
    from transformers import SmolVLMProcessor
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil
    from transformers.models.smolvlm.video_processing_smolvlm import SmolVLMVideoProcessor

    images = SmolVLMImageProcessorPil(
        size={"longest_edge": SMOLVLM_LONGEST}, max_image_size={"longest_edge": SMOLVLM_SIDE}
    )
    template = (
        END + "{% for message in messages %}{{ message['role'] | capitalize }}:"
        "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>"
        "{% else %} {{ part['text'] }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
        "{% if add_generation_prompt %}Assistant:{% endif %}"
    )
    return [
        SmolVLMProcessor(
            images,
            tokenizer,
            SmolVLMVideoProcessor(),
            image_seq_len=SMOLVLM_TOKENS,
            chat_template=template,
        )
    ]


GIT = PublishedCaptioner(
    ("microsoft/git-base",), 224, None, None, _git, _word_tokenizer, _git_parts
)
VIT_GPT2 = PublishedCaptioner(
    ("nlpconnect/vit-gpt2-image-captioning",), 224, None, None, _vit_gpt2,
    lambda captions: _byte_tokenizer(captions, [END], eos_token=END, bos_token=END),
    _vit_gpt2_parts,
)  # fmt: skip
SMOLVLM = PublishedCaptioner(
    ("HuggingFaceTB/SmolVLM-500M-Instruct",), 512, "Describe the image in one sentence.",
    Adapter(rank=16, alpha=32.0, dropout=0.05,
            target_modules=["q_proj", "k_proj", "v_proj", "o_proj"]),
    _smolvlm, _smolvlm_tokenizer, _smolvlm_parts,
)  # fmt: skip
CAPTIONERS = (GIT, VIT_GPT2, SMOLVLM)
