"""Experiments and runs written by hand."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from caption_curation.audit.choices import Choice
from caption_curation.audit.selection import AuditRow
from caption_curation.curation.settings import Curation
from caption_curation.evaluation.arithmetic import RunClasses
from caption_curation.experiments.finished import FinishedExperiment
from caption_curation.experiments.given import NOTHING, Given
from caption_curation.experiments.runs import LengthCounts, Run
from caption_curation.experiments.variants import generator_of, variant_of
from caption_curation.metrics.resampling import ImageStatistics

CURATION = {
    "method": "none",
    "schedule": "dynamic",
    "score": "loss_mean",
    "rule": "top_fraction",
    "ratio": 0.4,
    "std": 2.0,
    "pair_with": "keep",
}
NOISE = (("wrong_caption", 12), ("mismatched_image", 12), ("long_caption", 4), ("any", 26))


def curation(**changes: Any) -> Curation:
    """The demo's curation with some values changed."""
    return Curation.model_validate({**CURATION, **changes})


def run(
    seed: int,
    cider: float,
    *,
    name: str | None = None,
    profile: str = "demo",
    setting: str | None = None,
    scores: Mapping[str, float | None] | None = None,
    images: ImageStatistics | None = None,
    validation: Mapping[str, float | None] | None = None,
    chosen_share: float = 0.04,
    classes: RunClasses | None = None,
    source: FinishedExperiment | None = None,
    generator: int = 0,
    **changes: Any,
) -> Run:
    """A run of 100 samples; only its CIDEr matters to most tests."""
    values = curation(**changes)
    variant = variant_of(values)
    curated = values.method != "none"
    epoch = 0 if values.schedule == "static" else 1
    counts = LengthCounts(Counter({9: 10, 20: 30}), Counter({8: 60}))
    slug = f"{variant.slug}-generator{generator}" if generator else variant.slug
    return Run(
        name=name or f"{slug}-seed{seed}",
        seed=seed,
        generator=generator_of(variant, generator),
        variant=variant,
        curation=values,
        profile=profile,
        setting=setting or profile,
        scores={"cider": cider, "bleu_4": 0.5, **(scores or {})},
        best_epoch=2,
        losses=[
            {"epoch": epoch, "loss": loss, "samples": 50, "fraction": 0.5}
            for epoch in (1, 2)
            for loss in (0.05, 0.15)
        ],
        experiment=source or experiment(name or f"{variant.slug}-seed{seed}"),
        validation=validation or {"cider": cider / 2, "bleu_4": 0.4},
        chosen_share=chosen_share if curated else None,
        summed_losses=[
            {"epoch": epoch, "loss": loss, "samples": 50, "fraction": 0.5}
            for epoch in (1, 2)
            for loss in (0.5, 1.5)
        ],
        hard_samples=[
            {"epoch": 1, "later": 2, "fraction": fraction, "overlap": 0.5 + seed / 10}
            for fraction in (0.1, 0.4)
        ],
        training_sets={
            1: {"samples": 100, "images": 20, "captions": 100, "texts": 90},
            2: {"samples": 100, "images": 20 + seed, "captions": 100 - seed, "texts": 90},
        },
        corpus_lengths=Counter({5: 40, 9: 60}),
        lengths={epoch: counts} if curated else {},
        audit=[AuditRow(epoch, kind, 100, 40, n, n // 2) for kind, n in NOISE] if curated else [],
        choices=[] if curated else choices(),
        images=images,
        classes=classes or {},
    )


def choices() -> list[Choice]:
    """The summed loss finds the long captions and nothing else; the mean finds the wrong ones."""
    found = {"loss_sum": {"long_caption": 4, "any": 4}, "loss_mean": {"wrong_caption": 4, "any": 4}}
    return [
        Choice(score, "mean_std", 2.0, AuditRow(1, kind, 100, 4, n, of.get(kind, 0)))
        for score, of in found.items()
        for kind, n in NOISE
    ]


def experiment(
    name: str,
    *,
    seed: int = 0,
    result: str = "r",
    setting: Mapping[str, Any] | None = None,
    outputs: Mapping[str, str] | None = None,
    cache: Path = Path("nowhere"),
    given: Given = NOTHING,
    generator_seed: int = 0,
    **changes: Any,
) -> FinishedExperiment:
    """A finished experiment as its locks tell of it."""
    return FinishedExperiment(
        name=name,
        parameters={
            "seed": seed,
            "generator_seed": generator_seed,
            "curation": {**CURATION, **changes},
        },
        setting={
            "profiles/demo.yaml: data.seed": 1,
            "params.yaml: training.epochs": 3,
            "src/caption_curation/captioner/model/blip.py": "c0de",
            "data/corpus": "da7a",
            **(setting or {}),
        },
        outputs={"reports/evaluation": result, **(outputs or {})},
        sources=[],
        cache=cache,
        given=given,
    )
