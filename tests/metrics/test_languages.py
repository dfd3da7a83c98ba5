"""Captions in other languages: their tokens and scores by hand, and reasons instead of numbers."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caption_curation import paths
from caption_curation.config.languages import CODES
from caption_curation.config.params import load_params
from caption_curation.metrics.coco.scores import CaptionedSplit, cider, score_captions, score_splits
from caption_curation.metrics.coco.tokens import tokenize_captions
from caption_curation.metrics.coco.unicode_words import lengths_in_words
from caption_curation.metrics.image_cider import image_ciders
from caption_curation.metrics.languages import STEMMED, not_computed_in, without_meteor
from caption_curation.metrics.resampling import read_image_statistics, resampled_scores
from caption_curation.metrics.spice.files import VARIABLE
from caption_curation.metrics.status import read_reason
from caption_curation.samples import CaptionedImage, write_json_lines
from caption_curation.support.errors import InputError
from stages import clip_model, evaluate, spice_files
from tests.commands.console import console
from tests.metrics import published_formulas
from tests.metrics.published_formulas import Corpus
from tests.small_run import set_parameters, write_small_run


@pytest.mark.parametrize(
    ("language", "caption", "tokens"),
    [
        (
            "de",
            "Ein „großer“ Hund läuft über 3,5 Straßen!",
            "ein großer hund läuft über 3,5 straßen",
        ),
        ("de", "A\u0308pfel", "äpfel"),  # an A and its dots are one letter
        ("fr", "L’homme s'assied aujourd'hui.", "l'homme s'assied aujourd'hui"),
        ("es", "¿Dónde está el niño? ¡Aquí!", "dónde está el niño aquí"),
        ("ru", "Чёрная собака бежит.", "чёрная собака бежит"),
        ("el", "Μαύρος σκύλος τρέχει;", "μαύρος σκύλος τρέχει"),
        ("ar", "كلب أسود، يركض؟", "كلب أسود يركض"),
        ("he", "כלב שחור רץ.", "כלב שחור רץ"),
        ("fa", "می\u200cدود", "می\u200cدود"),  # one word, whose halves do not join
        ("hi", "काला कुत्ता दौड़ रहा है।", "काला कुत्ता दौड़ रहा है"),
        ("ko", "검은 개가 달린다.", "검은 개가 달린다"),
        ("vi", "Con chó đen đang chạy.", "con chó đen đang chạy"),
        ("zh", "两只狗，在草地上。", "两 只 狗 在 草 地 上"),
        ("ja", "黒い犬がボールで３回遊ぶ。", "黒 い 犬 が ボール で ３ 回 遊 ぶ"),
        ("th", "หมาวิ่ง", "ห ม า วิ่ ง"),
        ("tr", "İki köpek Irmakta koşuyor.", "iki köpek ırmakta koşuyor"),
        ("en", "Dogs don't run (fast).", "dogs do n't run -lrb- fast -rrb-"),
    ],
)
def test_captions_become_the_words_of_their_language(
    language: str, caption: str, tokens: str
) -> None:
    assert tokenize_captions([f" {caption}\u2028", caption], language) == [tokens, tokens]


# Captions, and the same ones tokenized by hand.
CHINESE = {
    "a": ("黑狗在草地上跑。", ["黑狗在草地上奔跑", "一只狗，在跑"]),
    "b": ("两个人打球", ["两个男人在打球！"]),
    "c": ("", ["雪"]),
}
GERMAN = {
    "a": ("Ein Hund läuft über das Gras.", ["Ein Hund läuft im Gras", "Der Hund: über das Gras"]),
    "b": ("Zwei Männer spielen Fußball", ["Zwei MÄNNER spielen Fußball, heute!"]),
    "c": ("Schnee", ["Es liegt Schnee."]),
}
TOKENS: dict[str, Corpus] = {
    "zh": {
        "a": (tuple("黑狗在草地上跑"), [tuple("黑狗在草地上奔跑"), tuple("一只狗在跑")]),
        "b": (tuple("两个人打球"), [tuple("两个男人在打球")]),
        "c": ((), [("雪",)]),
    },
    "de": {
        "a": (
            ("ein", "hund", "läuft", "über", "das", "gras"),
            [("ein", "hund", "läuft", "im", "gras"), ("der", "hund", "über", "das", "gras")],
        ),
        "b": (
            ("zwei", "männer", "spielen", "fußball"),
            [("zwei", "männer", "spielen", "fußball", "heute")],
        ),
        "c": (("schnee",), [("es", "liegt", "schnee")]),
    },
}


@pytest.mark.parametrize(("language", "captions"), [("zh", CHINESE), ("de", GERMAN)])
def test_scores_follow_the_formulas_from_tokens_by_hand(
    language: str, captions: Mapping[str, tuple[str, list[str]]]
) -> None:
    candidates = {image_id: candidate for image_id, (candidate, _) in captions.items()}
    references = {image_id: group for image_id, (_, group) in captions.items()}
    split, tokens = CaptionedSplit(candidates, references), TOKENS[language]
    [scores] = score_splits([split], language=language)
    bleu = {
        f"bleu_{n}": pytest.approx(published_formulas.bleu(tokens, n), abs=1e-8)
        for n in (1, 2, 3, 4)
    }
    expected_cider = pytest.approx(published_formulas.cider(tokens))
    assert scores.corpus == {
        **bleu,
        "meteor": None,
        "rouge_l": pytest.approx(published_formulas.rouge_l(tokens)),
        "cider": expected_cider,
    }
    assert all("meteor" not in of_image for of_image in scores.images.values())
    assert cider(candidates, references, language) == expected_cider
    [of_images] = image_ciders([split], language=language)
    assert sum(of_images.values()) / len(of_images) == expected_cider


def test_english_tokens_would_make_a_word_of_a_chinese_caption() -> None:
    candidates = {"a": "黑狗在跑", "b": "两个人打球"}
    references = {"a": ["黑狗在草地上跑"], "b": ["两个男人在打球"]}
    assert cider(candidates, references, "en") == 0
    assert cider(candidates, references, "zh") > 1


def test_hand_counted_ngrams_of_chinese() -> None:
    [scores] = score_splits(
        [CaptionedSplit({"a": "两只狗在跑"}, {"a": ["两只狗。跑", "一只狗在睡"]})], language="zh"
    )
    # 5 characters, all known; 两只, 只狗 and 狗在 of 4; 两只狗 and 只狗在 of 3; none of 2.
    assert scores.images["a"]["bleu"] == [5, 5, 5, 3, 2, 0]


ITALIAN = {
    # Of six words of both: "i" once, "cane", "corre" by their stems with "cani" and "corrono".
    "a": ("i cani corrono nel parco", ["il cane corre nel parco"]),
    "b": ("una donna legge", ["una donna legge", "un libro"]),
    "c": ("neve", ["un treno"]),
}


def test_meteor_is_that_of_words_and_stems_where_it_has_no_paraphrases(tmp_path: Path) -> None:
    split = CaptionedSplit(
        {image_id: candidate for image_id, (candidate, _) in ITALIAN.items()},
        {image_id: references for image_id, (_, references) in ITALIAN.items()},
    )
    [scores] = score_splits([split], language="it")
    # Snowball: cane and cani are can, corre and corrono are corr. nel and parco are exact, and all
    # four are one chunk; "b" matches as a whole and adds none.
    counts = {image_id: of["meteor"] for image_id, of in scores.images.items()}
    assert counts["a"][:2] == [5, 5]
    assert (counts["a"][4], counts["a"][8]) == (2, 2)
    assert counts["a"][20:] == [1, 4, 4]
    assert counts["b"][4] == 3
    alpha, beta, gamma = 0.75, 1.4, 0.7  # language-independent; a stem counts half
    matched = 2 + 2 * 0.5 + 3
    precision, recall = matched / (5 + 3 + 1), matched / (5 + 3 + 2)
    mean = precision * recall / (alpha * precision + (1 - alpha) * recall)
    expected = mean * (1 - gamma * math.pow(1 / 7, beta))
    assert scores.corpus["meteor"] == pytest.approx(expected)

    rows = [{"image_id": image_id, **of} for image_id, of in scores.images.items()]
    write_json_lines(tmp_path / "images.jsonl", rows)
    statistics = read_image_statistics(tmp_path / "images.jsonl", "it")
    found = resampled_scores(statistics, np.ones((1, 3)))
    assert {name: values[0] for name, values in found.items()} == pytest.approx(scores.corpus)


@pytest.mark.parametrize("language", sorted(STEMMED))
def test_meteor_runs_in_every_language_that_has_one(language: str) -> None:
    captions = {"1": ["kuşlar på gräs e così"], "2": ["três è há gjør ő"]}
    found = score_captions(
        {name: texts[0] for name, texts in captions.items()}, captions, language=language
    )
    assert found["meteor"] == 1.0


def test_no_language_has_a_metric_without_what_it_needs() -> None:
    assert not_computed_in("en") == {}
    assert not_computed_in("it").keys() == {"spice", "clipscore", "ref_clipscore"}
    assert "paraphrase-de.gz" in str(without_meteor("de"))
    assert "paraphrase-cz.gz" in str(without_meteor("cs"))
    assert without_meteor("zh") == "METEOR 1.5 does not know zh"


def test_codes_are_those_of_iso_639_1() -> None:
    """Those that CLDR names, but for Serbo-Croatian's, which ISO 639-1 has withdrawn."""
    assert len(CODES) == 183
    assert list(CODES) == sorted(set(CODES))
    assert {"en", "nb", "uk", "zh"} < set(CODES)
    assert not {"sh", "jp", "cn", "cz", "gr", "ua"} & set(CODES)


def test_no_in_yaml_is_norwegian(tmp_path: Path) -> None:
    set_parameters(tmp_path, {})
    path = tmp_path / "params.yaml"
    path.write_text(path.read_text().replace("language: en", "language: no"))
    assert load_params(tmp_path).experiment.evaluation.language == "no"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"language": "jp"}, "evaluation.language = 'jp': .* no code of ISO 639-1, .* is it iu ja"),
        ({"language": True}, "evaluation.language"),
        ({"language": "de", "spice": "on"}, "evaluation.* spice: on needs language: en"),
    ],
)
def test_languages_that_cannot_be_are_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    set_parameters(tmp_path, {f"evaluation.{name}": value for name, value in changes.items()})
    with pytest.raises(InputError, match=message) as raised:
        load_params(tmp_path)
    assert str(raised.value).count("language") <= 2


def test_stages_without_english_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_parameters(tmp_path, {"evaluation.language": "de"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    spice_files.main()
    clip_model.main()
    assert read_reason(paths.SPICE) == "SPICE parses English only; captions are in de"
    assert read_reason(paths.CLIP) == "CLIP reads English only; captions are in de"
    assert [path.name for path in paths.CLIP.iterdir()] == ["status.json"]


def test_the_run_has_the_scores_of_its_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small_run(tmp_path, epochs=1, changes={"evaluation.language": "zh"})
    monkeypatch.chdir(tmp_path)
    references = {"t": ["两只狗在跑", "狗"], "u": ["一个人"]}
    write_json_lines(
        paths.CORPUS / "test.jsonl",
        [
            asdict(CaptionedImage(image_id, f"{image_id}.jpg", tuple(captions)))
            for image_id, captions in references.items()
        ],
    )
    captions = {"t": "两只狗跑", "u": "人"}
    rows = [{"image_id": image_id, "caption": text} for image_id, text in captions.items()]
    paths.TEST_CAPTIONS.write_text(json.dumps(rows), encoding="utf-8")
    evaluate.main()
    metrics = json.loads((paths.EVALUATION / "metrics.json").read_text())
    assert (metrics["language"], metrics["tokenizer"]) == ("zh", "Unicode words (UAX #29)")
    assert metrics["not_computed"]["meteor"] == "METEOR 1.5 does not know zh"
    assert metrics["test"]["meteor"] is metrics["val"]["meteor"] is None
    tokens: Corpus = {
        "t": (tuple("两只狗跑"), [tuple("两只狗在跑"), ("狗",)]),
        "u": (("人",), [tuple("一个人")]),
    }
    assert metrics["test"]["cider"] == pytest.approx(published_formulas.cider(tokens))
    [row] = json.loads((paths.EVALUATION / "epochs.json").read_text())
    assert row["meteor"] is None


def test_the_command_scores_captions_in_a_language(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("两只狗跑\n人\n", encoding="utf-8")
    (tmp_path / "r.txt").write_text("两只狗在跑\n一个人\n", encoding="utf-8")
    files = [tmp_path / name for name in ("c.txt", "r.txt")]
    ended = console("metrics", *files, "--language", "zh", "--spice", "auto")
    assert ended.status == 0, ended.err
    found = json.loads(ended.out)
    assert found["meteor"] is found["spice"] is None
    assert found["bleu_1"] == pytest.approx(math.exp(1 - 8 / 5))  # all 5 characters, of 8
    assert ended.err.splitlines() == [
        "no METEOR: METEOR 1.5 does not know zh",
        "no SPICE: SPICE parses English only; captions are in zh",
    ]
    folder = ("--images", tmp_path, "--clip", tmp_path)
    ended = console("metrics", *files, "--language", "zh", *folder)
    assert json.loads(ended.out)["clipscore"] is None
    assert "no CLIPScore: CLIP reads English only" in ended.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--language", "german"), "--language: 'german' is no code of ISO 639-1, such as en, de"),
        (("--language", "de", "--spice", "on"), "--spice on: SPICE parses English only"),
    ],
)
def test_the_command_refuses_what_cannot_be(
    tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    (tmp_path / "c.txt").write_text("hund\n")
    ended = console("metrics", tmp_path / "c.txt", tmp_path / "c.txt", *options)
    assert ended.status == 2
    assert message in ended.err


def test_captions_are_as_long_as_their_words_where_blanks_part_none() -> None:
    assert lengths_in_words(["two dogs , one ball", ""], "en") == [5, 0]  # as blanks part them
    assert lengths_in_words(["两只狗在沙滩上", "狗。"], "zh") == [7, 1]
    assert lengths_in_words(["Zwei Hunde, ein Ball."], "de") == [4]
