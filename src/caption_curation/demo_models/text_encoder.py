"""Teach a small CLIP text encoder what prompts mean, before it is frozen.

Stable Diffusion's text encoder comes from CLIP, which was trained on captioned images. In the demo
world it is known what an image shows, so the encoder is trained to predict it from the captions:
background, size, layout, and shape and colour of the first and second object.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from tqdm import trange

from caption_curation.demo_world.scenes import LAYOUTS, SHAPES, SIZES, Scene

UNKNOWN = -100  # target index that cross-entropy ignores


@dataclass(frozen=True)
class Classes:
    """The colours and backgrounds that the encoder learns to distinguish, of all its worlds."""

    colours: tuple[str, ...]
    backgrounds: tuple[str, ...]

    def targets(self, scene: Scene) -> list[int]:
        """What a scene shows, as class numbers in the order of :attr:`counts`."""
        targets = [
            self.backgrounds.index(scene.background),
            SIZES.index(scene.size),
            LAYOUTS.index(scene.layout),
        ]
        for position in range(2):
            if position < len(scene.things):
                thing = scene.things[position]
                targets += [SHAPES.index(thing.shape), self.colours.index(thing.colour)]
            else:
                targets += [UNKNOWN, UNKNOWN]
        return targets

    @property
    def counts(self) -> list[int]:
        """Number of classes of each target."""
        thing = [len(SHAPES), len(self.colours)]
        return [len(self.backgrounds), len(SIZES), len(LAYOUTS), *thing, *thing]


def classes_of(scenes: Sequence[Scene]) -> Classes:
    """All colours and backgrounds of the scenes, in alphabetical order."""
    return Classes(
        colours=tuple(sorted({thing.colour for scene in scenes for thing in scene.things})),
        backgrounds=tuple(sorted({scene.background for scene in scenes})),
    )


def pretrain_text_encoder(
    text_encoder: Any,
    tokenizer: Any,
    prompts: Sequence[str],
    scenes: Sequence[Scene],
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> float:
    """Train a text encoder in place; the classifiers on top of it are discarded.

    Args:
        text_encoder: a CLIPTextModel.
        tokenizer: its tokenizer.
        prompts: what the generator will read.
        scenes: what each prompt describes.
        steps: number of batches.
        batch_size: prompts per batch.
        learning_rate: of AdamW, decaying linearly to zero.
        seed: of the classifiers and the batches.

    Returns:
        The fraction of targets predicted correctly in the last tenth of the steps.
    """
    torch.manual_seed(seed)
    classes = classes_of(scenes)
    targets = torch.tensor([classes.targets(scene) for scene in scenes])
    heads = nn.ModuleList(
        nn.Linear(text_encoder.config.hidden_size, count) for count in classes.counts
    )
    optimizer = torch.optim.AdamW(
        [*text_encoder.parameters(), *heads.parameters()], lr=learning_rate
    )
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    right = total = 0
    text_encoder.train()
    for step in trange(steps, desc="pretraining the text encoder", unit="step", disable=None):
        rows = torch.randint(len(prompts), (batch_size,))
        tokens = tokenizer(
            [prompts[row] for row in rows.tolist()],
            padding="longest",
            truncation=True,
            return_tensors="pt",
        )
        pooled = text_encoder(
            input_ids=tokens.input_ids, attention_mask=tokens.attention_mask
        ).pooler_output
        logits = [head(pooled) for head in heads]
        wanted = targets[rows]
        loss = sum(
            cross_entropy(scores, wanted[:, column], ignore_index=UNKNOWN)
            for column, scores in enumerate(logits)
        )
        assert isinstance(loss, torch.Tensor)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        if step >= 0.9 * steps:
            for column, scores in enumerate(logits):
                known = wanted[:, column] != UNKNOWN
                right += int((scores.argmax(1) == wanted[:, column])[known].sum())
                total += int(known.sum())
    text_encoder.eval()
    return right / total
