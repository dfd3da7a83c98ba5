"""Serving the page: the samples that it shows, and the file that decisions go to."""

from pathlib import Path
from shlex import quote

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.curation.decisions import read_decisions
from caption_curation.experiments.results import Results, results_of
from caption_curation.review.app import create_app
from caption_curation.review.chosen import read_chosen
from caption_curation.review.decisions_file import DecisionsFile
from caption_curation.samples import read_images
from caption_curation.serving.access import is_loopback
from caption_curation.serving.server import password_for, serve_until_interrupted
from caption_curation.support.errors import InputError

EMPTY_DEFAULT = Path("defaults/decisions.jsonl")  # belongs to the repository, and stays empty
USUAL = Path("decisions.jsonl")


def serve(
    epoch: int | None, out: Path | None, experiment: str | None, *, host: str, port: int
) -> None:
    """Serve the samples that a run chose after an epoch until Ctrl-C; prints the address.

    Args:
        epoch: from 0, before training; ``None``: the first after which any was chosen.
        out: the file of decisions; ``None``: the usual one.
        experiment: of which run; ``None``: of the workspace.
        host: the address to listen at; any but this machine's own needs a password.
        port: 1 to 65535.

    Raises:
        InputError: a file is not there or has faults, or the address cannot be used.
    """
    password = password_for(host)
    results = results_of(experiment)
    file = decisions_file(out)
    print(f"reading the samples of {results.title}", flush=True)
    if file.exists():  # all faults at once, before the rest is read
        read_decisions(file, read_images(results.find(paths.CORPUS / "train.jsonl")))
    chosen = read_chosen(results, epoch)
    decisions = DecisionsFile(file, chosen.now.epoch)
    command = next_command(file, results)
    current = decisions.current()
    unchosen = chosen.unchosen(current)
    print(
        f"{len(current) - unchosen} of {len(chosen.edits)} samples of {results.title}, epoch "
        f"{chosen.now.epoch}, are decided; decisions are saved in {file}"
    )
    if unchosen:
        print(f"{unchosen} decisions are about samples that this epoch did not choose")
    print(f"what does what was decided: {command}")
    application = create_app(
        chosen,
        decisions,
        next_command=command,
        password=password,
        local_only=is_loopback(host),
    )
    serve_until_interrupted(application, host=host, port=port)


def decisions_file(out: Path | None) -> Path:
    """The file that decisions are saved in.

    Args:
        out: as asked for; ``None``: the one that parameters name, or ``decisions.jsonl`` where that
            is the empty default, which is every other experiment's too.

    Raises:
        InputError: it is the empty default, or a folder.
    """
    if out is None:
        named = Path(load_params().experiment.inputs.decisions)
        return USUAL if named == EMPTY_DEFAULT else named
    if out.resolve() == EMPTY_DEFAULT.resolve():
        raise InputError(
            f"--out: {out} is what experiments without decisions read, and stays empty; name a "
            f"file of your own, such as {USUAL}"
        )
    if out.is_dir():
        raise InputError(f"--out: {out} is a folder; name a file")
    return out


def next_command(file: Path, results: Results) -> str:
    """The commands that rerun a run with a file of decisions."""
    first = "" if results.name is None else f"dvc exp apply {quote(results.name)} && "
    if results.name is None and file == Path(load_params().experiment.inputs.decisions):
        return "dvc repro"
    return f"{first}dvc exp run -S {quote(f'inputs.decisions={file.as_posix()}')}"
