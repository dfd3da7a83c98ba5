"""Write the prompts that the round trip draws images from."""

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.round_trip.parameters import load_round_trip
from caption_curation.round_trip.prompts import items_of
from caption_curation.round_trip.variants import PROMPTS as KINDS
from caption_curation.samples import read_images, read_json_lines, write_json_lines
from caption_curation.support.outputs import atomic_folder
from stages import run
from stages.round_trip import PROMPTS


def main() -> None:
    """Write a file for each kind of prompts, so that images depend on theirs alone."""
    settings, joining = load_round_trip(), load_params().experiment.prompt.joining
    images = read_images(paths.CORPUS / "val.jsonl")
    sbert_captions = {
        record["image_id"]: record["caption"]
        for record in read_json_lines(paths.sbert_captions("val"))
    }
    with atomic_folder(PROMPTS) as folder:
        for name, kind in KINDS.items():
            items = items_of(
                kind,
                images,
                sbert_captions,
                styler=settings.styler,
                joining=joining,
                single=settings.single,
            )
            write_json_lines(folder / f"{name}.jsonl", items)


if __name__ == "__main__":
    run(main)
