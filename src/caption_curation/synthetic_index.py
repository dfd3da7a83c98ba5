"""The list of the synthetic images that were drawn for an epoch's proposals.

One line a prompt, which all its images share: ``{"prompt", "images": [{"sample_id", "candidate",
"key", "seed", "md5"}]}``; with ``attempt`` where an image's own seed gave none that could be used.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Any

from caption_curation.samples import iterate_json_lines, write_json_lines

INDEX = "index.jsonl"


@dataclass(frozen=True, slots=True)
class SyntheticImage:
    """An image that was drawn for a sample.

    Attributes:
        sample_id: of the sample.
        candidate: its number among those of the sample's proposal, from 1.
        key: its name in the image store, and without the ending that of its file.
        seed: that it was asked for with.
        md5: of its bytes, in hexadecimal digits.
        attempt: from 0; above 0, images from the seed itself could not be used.
        prompt: what it was drawn from.
    """

    sample_id: str
    candidate: int
    key: str
    seed: int
    md5: str
    attempt: int
    prompt: str


def write_synthetic_index(path: Path, images: Iterable[SyntheticImage]) -> None:
    """Write the list; prompts, and the images of each, in the order of the first that is given."""
    of_prompt: dict[str, list[dict[str, Any]]] = {}
    for image in images:
        record = {
            "sample_id": image.sample_id,
            "candidate": image.candidate,
            "key": image.key,
            "seed": image.seed,
            "md5": image.md5,
        }
        if image.attempt:
            record["attempt"] = image.attempt
        of_prompt.setdefault(image.prompt, []).append(record)
    lines = ({"prompt": prompt, "images": records} for prompt, records in of_prompt.items())
    write_json_lines(path, lines)


def read_synthetic_index(path: Path) -> Iterator[SyntheticImage]:
    """The images of a list, those of one prompt together, one after another."""
    for line in iterate_json_lines(path):
        for image in line["images"]:
            yield SyntheticImage(
                sample_id=intern(image["sample_id"]),
                candidate=image["candidate"],
                key=image["key"],
                seed=image["seed"],
                md5=image["md5"],
                attempt=image.get("attempt", 0),
                prompt=line["prompt"],
            )
