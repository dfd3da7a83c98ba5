"""``caption-curation generators``: the same prompts by several generators, side by side."""

from pathlib import Path
from typing import Annotated

import typer

from caption_curation.commands.words import check_checkout


def generators(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=FOLDER...",
            help="What to call a generator, and its folder in the hub's layout: data/generator is "
            "the fine-tuned one, data/base_generator its base.",
        ),
    ],
    prompts: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Text with a prompt a line, or JSON Lines with `prompt` and, for the demo's "
            "truth, `image_id` (data/round_trip/prompts/concat.jsonl).",
        ),
    ],
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where to write.")],
) -> None:
    """Draw the same prompts by several generators, and show what each draws and takes.

    Images come from the store where it has them, and are drawn as `synthesis` in params.yaml says;
    what a generator does not have of that is passed over and named. The page has the seconds that
    an image takes, CLIPScore and, in the demo, how many images are right; generators.csv the same.
    """
    check_checkout()

    from caption_curation.config.params import load_params
    from caption_curation.reports.generators.page import compare_generators
    from caption_curation.support.dvc_cache import dvc_cache_folder

    for line in compare_generators(models, prompts, load_params(), to, dvc_cache_folder()):
        print(line)
    print(to / "index.html")
