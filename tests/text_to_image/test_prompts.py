"""Prompts against the examples of the paper's section 3.3."""

import pytest

from caption_curation.text_to_image.prompts import image_prompt

CAPTIONS = ("A dog runs on grass .", "the dog is running.", "Dog  ", "  a brown dog...")
STYLER = "national geographic, high quality photography, Canon EOS R3, Flickr"


def test_concat_joins_all_captions_with_single_full_stops() -> None:
    prompt = image_prompt(CAPTIONS, CAPTIONS[1], mode="concat", styler="")
    assert prompt == "A dog runs on grass. the dog is running. Dog. a brown dog"


def test_single_is_the_samples_own_caption() -> None:
    # After an edit the sample's caption may differ from the image's original ones.
    assert image_prompt(CAPTIONS, "Two cats .", mode="single", styler="") == "Two cats"


def test_styler_follows_after_a_comma() -> None:
    prompt = image_prompt(CAPTIONS[:2], CAPTIONS[0], mode="concat", styler=STYLER)
    assert prompt == f"A dog runs on grass. the dog is running, {STYLER}"


def test_empty_captions_leave_no_trace() -> None:
    assert image_prompt(("a dog", " . ", ""), "", mode="concat", styler="") == "a dog"
    assert image_prompt((), "", mode="single", styler="a photograph") == "a photograph"


def test_full_stops_within_a_caption_stay() -> None:
    caption = "Dr. Who at 5.30 p.m. in St. Ives ."
    assert image_prompt((), caption, mode="single", styler="") == caption.removesuffix(" .")


def test_unknown_mode_is_an_error() -> None:
    with pytest.raises(ValueError, match="allowed: single, concat"):
        image_prompt(CAPTIONS, CAPTIONS[0], mode="sbert", styler="")
