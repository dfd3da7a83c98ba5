"""Prompts against the rule that all prompts published with the paper follow, and ours of before."""

from typing import Any

import pytest

from caption_curation.text_to_image.prompts import image_prompt

# As Flickr30K's photographs are captioned.
PHOTOGRAPH = ("A man in a red shirt .", "Two dogs .", "Dr. Who at 5.30 p.m. in St. Ives .")
STYLER = "national geographic, high quality photography, Canon EOS R3, Flickr"
CAPTIONS = ("A dog runs on grass .", "the dog is running.", "Dog  ", "  a brown dog...")


def verbatim(captions: tuple[str, ...] = (), caption: str = "", **values: Any) -> str:
    settings: dict[str, Any] = {"mode": "concat", "styler": "", "joining": "verbatim"} | values
    return image_prompt(captions, caption, **settings)


def sentences(captions: tuple[str, ...] = (), caption: str = "", **values: Any) -> str:
    return verbatim(captions, caption, joining="sentences", **values)


def test_verbatim_is_the_bytes_of_the_published_prompts() -> None:
    assert verbatim(PHOTOGRAPH, styler=STYLER) == (
        "A man in a red shirt .. Two dogs .. Dr. Who at 5.30 p.m. in St. Ives . "
        "national geographic, high quality photography, Canon EOS R3, Flickr"
    )
    assert verbatim(PHOTOGRAPH) == (
        "A man in a red shirt .. Two dogs .. Dr. Who at 5.30 p.m. in St. Ives ."
    )
    assert verbatim(CAPTIONS) == ". ".join(CAPTIONS), "nothing is stripped"


def test_verbatim_of_one_caption_is_the_caption() -> None:
    # After an edit the sample's caption may differ from the image's original ones.
    one = {"mode": "single"}
    assert verbatim(PHOTOGRAPH, "Two cats .", **one) == "Two cats ."
    assert verbatim(PHOTOGRAPH, "Two cats .", styler="a photograph", **one) == (
        "Two cats . a photograph"
    )


def test_sentences_are_joined_with_single_full_stops() -> None:
    assert sentences(CAPTIONS) == "A dog runs on grass. the dog is running. Dog. a brown dog"
    assert sentences(PHOTOGRAPH, styler=STYLER) == (
        "A man in a red shirt. Two dogs. Dr. Who at 5.30 p.m. in St. Ives, "
        "national geographic, high quality photography, Canon EOS R3, Flickr"
    )
    assert sentences(PHOTOGRAPH, "Two cats .", mode="single") == "Two cats"


def test_captions_of_full_stops_alone_leave_no_trace_among_sentences() -> None:
    assert sentences(("a dog", " . ", "")) == "a dog"
    assert sentences(mode="single", styler="a photograph") == "a photograph"


def test_captions_without_final_full_stops_are_joined_alike() -> None:
    # So the demo's prompts, which have no styler, are what they were under either rule.
    captions = ("a red ring on white", "one red ring")
    assert verbatim(captions) == sentences(captions) == "a red ring on white. one red ring"


def test_unknown_mode_or_joining_is_an_error() -> None:
    with pytest.raises(ValueError, match="allowed: single, concat"):
        verbatim(CAPTIONS, CAPTIONS[0], mode="sbert")
    with pytest.raises(ValueError, match="allowed: verbatim, sentences"):
        verbatim(CAPTIONS, CAPTIONS[0], joining="comma")
