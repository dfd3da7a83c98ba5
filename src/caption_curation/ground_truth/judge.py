"""Which samples of the demo world are right: the truth that no real corpus has.

A sample is right if its caption is true of the image that it shows, and not over-long. This is
judged from the scene behind the image or from the image itself, never from what curation did.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from caption_curation.demo_world.scenes import scene_from_json
from caption_curation.demo_world.style import DEFAULT
from caption_curation.demo_world.wording import LONG_CAPTION_WORDS
from caption_curation.ground_truth.caption_reader import CaptionReader
from caption_curation.ground_truth.scene_checker import SceneChecker
from caption_curation.pictures.reading import read_picture
from caption_curation.samples import Sample

FALSE_CAPTION = "the caption is not true of the image"
UNREADABLE = "the caption is no sentence of the demo world"
OVER_LONG = "the caption is over-long"


class GroundTruth:
    """Judges samples of the demo world; looks up the scenes of its original images by image id.

    Args:
        scenes: ``image_id`` and ``shown`` of every image, as the corpus stage wrote them.
    """

    def __init__(self, scenes: Iterable[Mapping[str, Any]]) -> None:
        self._shown = {record["image_id"]: scene_from_json(record["shown"]) for record in scenes}
        self._reader = CaptionReader(DEFAULT)

    @cached_property
    def _checker(self) -> SceneChecker:
        return SceneChecker(DEFAULT)

    def faults(self, sample: Sample, synthetic: Path | None = None) -> tuple[str, ...]:
        """What is wrong with a sample, in words; empty if it is right.

        Args:
            sample: in any state.
            synthetic: the file of its synthetic image, if it shows one. The scene checker judges
                that image; it ignores the size of objects, which it cannot recognise reliably.
        """
        found = [OVER_LONG] if len(sample.caption.split()) >= LONG_CAPTION_WORDS else []
        try:
            stated = self._reader.read(sample.caption)
        except ValueError:  # an action may have written it
            return (UNREADABLE, *found)
        if synthetic:
            facts = self._checker.check(read_picture(synthetic), stated.scene)
            wrong = [
                name
                for name in ("background", "count", "colours", "shapes", "relation")
                if not getattr(facts, name) and (name != "background" or stated.states_background)
            ]
            if wrong:
                found.insert(0, f"wrong in the image: {', '.join(wrong)}")
        elif not stated.is_true_of(self._shown[sample.image_id]):
            found.insert(0, FALSE_CAPTION)
        return tuple(found)
