"""Captions against a plain beam search over the model's logits, with both rules of length."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from caption_curation.captioner.bases.scratch import build_captioner
from caption_curation.captioner.captioning import generate_captions
from caption_curation.captioner.families.blip import encode_images
from caption_curation.captioner.model.captioner import Captioner
from caption_curation.captioner.model.transforms import resize, to_tensor
from caption_curation.config.experiment import Evaluation
from caption_curation.config.profile import BeamLength, ScratchCaptioner, TextSize, VisionSize
from caption_curation.pictures.reading import read_picture
from caption_curation.support.errors import InputError

PROMPT = "a picture of "
PROMPT_TOKENS = 4  # with the start token
BEAMS, SHORTEST, LONGEST = 3, 5, 20
IMAGES = 12


@dataclass
class Hypotheses:
    """The best finished hypotheses, as BeamHypotheses of transformers 4.15 keeps them."""

    kept: list[tuple[float, list[int]]] = field(default_factory=list)

    def add(self, ids: list[int], log_probability: float, length: int) -> None:
        self.kept.append((log_probability / length, ids))
        if len(self.kept) > BEAMS:
            self.kept.remove(min(self.kept))

    def cannot_improve(self, log_probability: float, length: int) -> bool:
        return len(self.kept) == BEAMS and min(self.kept)[0] >= log_probability / length


@dataclass(frozen=True)
class Rule:
    """Tokens that count besides those up to, but not including, the end token; when to stop."""

    without_end: int
    with_end: int
    compares_ended: bool  # whether the search goes on for a good candidate that has just ended


RULES: dict[BeamLength, Rule] = {
    "caption": Rule(-PROMPT_TOKENS, -PROMPT_TOKENS + 1, compares_ended=False),
    "caption_and_prompt": Rule(0, 0, compares_ended=True),
}


def searched(captioner: Captioner, pixels: torch.Tensor, rule: Rule) -> list[int]:
    """The tokens of one image's caption; every step reads the hypotheses from their start."""
    config = captioner.model.config.text_config
    end, start = config.sep_token_id, config.bos_token_id
    prompt = captioner.tokenizer(PROMPT, add_special_tokens=False).input_ids
    assert len(prompt) + 1 == PROMPT_TOKENS
    state = encode_images(captioner, pixels[None])
    running = [(0.0, [start, *prompt])]
    finished = Hypotheses()
    for tokens in range(PROMPT_TOKENS, LONGEST):
        logits = captioner.model.text_decoder(
            input_ids=torch.tensor([ids for _, ids in running]),
            encoder_hidden_states=state.expand(len(running), -1, -1),
            use_cache=False,
        ).logits[:, -1]
        rows = logits.double().log_softmax(-1)
        if tokens < SHORTEST:
            rows[:, end] = -torch.inf
        candidates = sorted(
            (
                (total + log_probability, [*ids, token])
                for (total, ids), row in zip(running, rows.tolist(), strict=True)
                for token, log_probability in enumerate(row)
            ),
            reverse=True,
        )[: 2 * BEAMS]
        for total, ids in candidates[:BEAMS]:
            if ids[-1] == end:
                finished.add(ids[:-1], total, tokens + rule.with_end)
        running = [candidate for candidate in candidates if candidate[1][-1] != end][:BEAMS]
        best, _ = candidates[0] if rule.compares_ended else running[0]
        if finished.cannot_improve(best, tokens + rule.with_end):
            break
    else:
        for total, ids in running:
            finished.add(ids, total, LONGEST + rule.without_end)
    _, caption = max(finished.kept)
    return caption[PROMPT_TOKENS:]


def text_of(captioner: Captioner, ids: list[int]) -> str:
    text: str = captioner.tokenizer.decode(
        ids, skip_special_tokens=True, clean_up_tokenization_spaces=True
    )
    return text.strip()


def random_captioner(seed: int, end_bias: float) -> Captioner:
    """A tiny BLIP with random weights, which likes to end its captions the better, the higher."""
    size = ScratchCaptioner(
        source="scratch",
        seed=seed,
        vocabulary_size=120,
        initializer_range=0.3,
        vision=VisionSize(hidden_size=32, layers=1, heads=2, patch_size=8),
        text=TextSize(hidden_size=32, layers=1, heads=2, dropout=0.1),
    )
    captioner = build_captioner(size, ["one red wall", "a green thing on a chair"], PROMPT, 32)
    captioner.model.eval()
    with torch.no_grad():
        end = captioner.model.config.text_config.sep_token_id
        captioner.model.text_decoder.cls.predictions.bias[end] = end_bias
    return captioner


def random_captioners() -> list[Captioner]:
    return [random_captioner(*model) for model in [(1, 2.0), (2, 1.5), (3, 2.5), (5, 2.0)]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for index in range(IMAGES):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        coarse.resize((32, 32), Image.Resampling.NEAREST).save(folder / f"{index:02}.png")
    return sorted(folder.iterdir())


def generated(captioner: Captioner, files: list[Path], rule: BeamLength) -> list[str]:
    return generate_captions(
        captioner,
        files,
        prompt=PROMPT,
        evaluation=Evaluation(
            beams=BEAMS, min_length=SHORTEST, max_length=LONGEST, spice="off", language="en"
        ),
        beam_length=rule,
        batch_size=5,
    )


@pytest.mark.parametrize("rule", ["caption", "caption_and_prompt"])
def test_captions_are_those_of_a_plain_beam_search(files: list[Path], rule: BeamLength) -> None:
    lengths = set()
    for captioner in random_captioners():
        with torch.inference_mode():
            expected = [
                searched(captioner, to_tensor(resize(read_picture(file), 32)), RULES[rule])
                for file in files
            ]
        assert generated(captioner, files, rule) == [text_of(captioner, ids) for ids in expected]
        lengths |= {len(ids) for ids in expected}
    # From a single word to captions that are cut: both ends of the rules were compared.
    assert {1, LONGEST - PROMPT_TOKENS} <= lengths and len(lengths) > 8


def test_the_rules_differ_and_that_of_the_caption_alone_gives_longer_ones(
    files: list[Path],
) -> None:
    letters = {"caption": 0, "caption_and_prompt": 0}
    for captioner in random_captioners():
        for rule in RULES:
            letters[rule] += len("".join(generated(captioner, files, rule)))
    assert letters["caption"] > 1.1 * letters["caption_and_prompt"]


@pytest.mark.parametrize("max_length", [4, 65])
@pytest.mark.parametrize("rule", ["caption", "caption_and_prompt"])
def test_lengths_that_leave_no_word_or_no_position_are_refused(
    files: list[Path], rule: BeamLength, max_length: int
) -> None:
    with pytest.raises(InputError) as raised:
        generate_captions(
            random_captioner(0, 0.0),
            files,
            prompt=PROMPT,
            evaluation=Evaluation(
                beams=2, min_length=1, max_length=max_length, spice="off", language="en"
            ),
            beam_length=rule,
            batch_size=5,
        )
    assert f"params.yaml: evaluation.max_length = {max_length}: allowed: 5 (" in str(raised.value)
    assert "to 64 (" in str(raised.value)


@pytest.mark.parametrize("rule", ["caption", "caption_and_prompt"])
def test_captions_use_all_positions_of_the_model(files: list[Path], rule: BeamLength) -> None:
    captioner = random_captioner(0, -100.0)  # never ends by itself
    [caption] = generate_captions(
        captioner,
        files[:1],
        prompt=PROMPT,
        evaluation=Evaluation(beams=2, min_length=1, max_length=64, spice="off", language="en"),
        beam_length=rule,
        batch_size=1,
    )
    assert caption
