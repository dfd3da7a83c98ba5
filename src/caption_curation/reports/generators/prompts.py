"""The prompts that generators are compared on."""

from dataclasses import dataclass
from pathlib import Path

from caption_curation.samples import read_json_lines
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import read_text


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A prompt, and the image of the corpus that it describes, if that is known."""

    prompt: str
    image_id: str | None


def read_prompts(path: Path) -> list[AskedFor]:
    """The prompts of a file, each once.

    Args:
        path: text with a prompt a line, or JSON Lines (``.jsonl``) with ``prompt`` and, where it is
            known, ``image_id``, as the round trip's are.

    Raises:
        InputError: there are none, or lines are of another form.
    """
    if path.suffix != ".jsonl":
        lines = [line.strip() for line in read_text(path).splitlines()]
        found = [AskedFor(line, None) for line in lines if line]
    else:
        records = read_json_lines(path)
        faults = [
            f"line {number}: a text `prompt` is needed"
            for number, record in enumerate(records, 1)
            if not isinstance(record.get("prompt"), str) or not record["prompt"].strip()
        ]
        if faults:
            raise InputError(list_faults(f"{path}: lines that are no prompts", faults))
        found = [
            AskedFor(record["prompt"], str(record["image_id"]) if "image_id" in record else None)
            for record in records
        ]
    if not found:
        raise InputError(f"{path}: no prompts; expected one a line")
    return list(dict.fromkeys(found))
