"""``caption-curation``: all commands, and how they end.

Bad input and what a user can mend end a command with one line on standard error and status 1, a
command line that is not allowed with status 2, Ctrl-C with status 130.
"""

import gc
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from typer.core import TyperCommand
from typer.exceptions import TyperException

from caption_curation.commands.adopt import adopt
from caption_curation.commands.annotate import annotate
from caption_curation.commands.caption import caption
from caption_curation.commands.caption_lengths import caption_lengths
from caption_curation.commands.check_downloads import check_downloads
from caption_curation.commands.compare import compare
from caption_curation.commands.curate import curate
from caption_curation.commands.doctor import doctor
from caption_curation.commands.experiments import experiments
from caption_curation.commands.export import export
from caption_curation.commands.export_model import export_model
from caption_curation.commands.generators import generators
from caption_curation.commands.human_study import human_study
from caption_curation.commands.images import images
from caption_curation.commands.label_studio import label_studio
from caption_curation.commands.metrics import metrics
from caption_curation.commands.plan import plan
from caption_curation.commands.review import review
from caption_curation.commands.show import show
from caption_curation.commands.study import study
from caption_curation.commands.versions import versions
from caption_curation.commands.words import WithMeasure, WithSeveral, example
from caption_curation.support.errors import InputError
from caption_curation.support.unwritable import describe_unwritable

PROGRAM = "caption-curation"
INTERRUPTED = 130  # as shells report Ctrl-C

EXPERIMENTS = "Experiments"
DATA = "Data, images and scores"
PEOPLE = "Human study"
CHECKOUT = "This checkout"

app = typer.Typer(
    name=PROGRAM,
    help="Plan, run, compare and mend experiments in curating captions; `dvc repro` runs one.",
    epilog="Each command says more about itself: caption-curation COMMAND --help",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _command(
    function: Callable[..., None],
    panel: str,
    words: str,
    cls: type[TyperCommand] = TyperCommand,
) -> None:
    """Add a command, called like its function, with an example of its use."""
    name = function.__name__.replace("_", "-")
    app.command(name, cls=cls, rich_help_panel=panel, epilog=example(words))(function)


_command(plan, EXPERIMENTS, "plan --measure", WithMeasure)
_command(study, EXPERIMENTS, "study studies/demo.yaml --jobs 2", WithSeveral)
_command(experiments, EXPERIMENTS, "experiments")
_command(compare, EXPERIMENTS, "compare --experiments none remove", WithSeveral)
_command(
    generators,
    EXPERIMENTS,
    "generators base=data/base_generator tuned=data/generator --prompts prompts.txt --to compared",
    WithSeveral,
)
_command(adopt, EXPERIMENTS, "adopt --since v0.1.0 --dry-run")
_command(check_downloads, DATA, "check-downloads --profile flickr30k")
_command(
    curate,
    DATA,
    "curate --losses losses.csv --method remove --rule top_fraction --ratio 0.1 --out edits.jsonl",
)
app.add_typer(images, name="images", rich_help_panel=DATA)
_command(export, DATA, "export --epoch 2 --format image_folder --to curated", WithSeveral)
app.add_typer(show, name="show", rich_help_panel=DATA)
_command(review, DATA, "review --epoch 1")
_command(export_model, DATA, "export-model --experiment half --to captioner")
_command(caption, DATA, "caption photographs --experiment half --out captions.csv")
_command(
    caption_lengths,
    DATA,
    "caption-lengths coco=dataset_coco.json flickr30k=dataset_flickr30k.json --to lengths",
)
_command(metrics, DATA, "metrics captions.json references.json --spice auto")
app.add_typer(human_study, name="human-study", rich_help_panel=PEOPLE)
_command(annotate, PEOPLE, "annotate --set 1 --annotator ANNA")
app.add_typer(label_studio, name="label-studio", rich_help_panel=PEOPLE)
_command(doctor, CHECKOUT, "doctor --repair")
_command(versions, CHECKOUT, "versions --write")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"{PROGRAM} {version('caption-curation')}")
        raise typer.Exit


@app.callback()
def _of_all_commands(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version.", metavar="", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options that belong to no command."""


def main() -> None:
    """The console script."""
    # Looking for garbage among what the model libraries make costs a third of a short command.
    gc.set_threshold(100_000)
    sys.exit(run())


def run(words: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status.

    Args:
        words: of the command line, those of this process by default.
    """
    try:
        status = app(words, prog_name=PROGRAM, standalone_mode=False) or 0
    except TyperException as error:  # of the command line
        if error.format_message():  # there is none where help was shown for want of a command
            _complain(_usage_message(error))
        return error.exit_code
    except typer.Abort:
        return 1
    except InputError as error:
        _complain(str(error))
        return 1
    except OSError as error:
        message = describe_unwritable(error)
        if message is None:
            raise
        _complain(message)
        return 1
    if status == INTERRUPTED:
        print("interrupted", file=sys.stderr)
    return status


def _complain(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)


def _usage_message(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else PROGRAM
    return f"{error.format_message().rstrip('.')} ({command} --help says what is allowed)"
