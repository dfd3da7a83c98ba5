"""Every command of README and docs/ exists, and every `dvc exp run` is a valid experiment."""

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from dvc.cli.parser import get_main_parser
from dvc.exceptions import DvcException
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps

from caption_curation.config.params import Params, load_params
from caption_curation.experiments.study import load_studies
from caption_curation.experiments.study_plan import Planned, plan
from caption_curation.paper.numbers import table_2
from caption_curation.support.sections import load_section
from docs.commands import PROGRAM, command_line
from docs.parameters import FILES
from tests.conftest import REPOSITORY

DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "docs").rglob("*.md")),
)
LONGEST_README = 1500  # words
# A block is of shell commands, or names another language.
SHELL, OTHERS = {"bash"}, {"bibtex", "json", "python", "text", "yaml", "{toctree}", "{eval-rst}"}
# Programs of others, of which it is only checked that they are meant to be there.
FOREIGN = {"git", "export", "mypy", "pytest", "ruff", "lint-imports", "source", "sphinx-build"}
# The parameters of the pipelines beside the main one.
STAGE_FILES = {file.title: file.model for file in FILES if file.title.startswith("stages/")}
ARRAY = re.compile(r"^(\w+)=\((.*?)\)$", re.MULTILINE | re.DOTALL)
NAMES = {"-n", "--name"}


def read(document: str) -> str:
    return (REPOSITORY / document).read_text(encoding="utf-8")


def blocks(document: str) -> Iterator[tuple[str, str]]:
    """Language and content of each fenced block; one inside a list is moved to the left."""
    for indent, language, content in re.findall(
        r"^( *)```([^\n`]*)\n(.*?)^\1```$", read(document), re.MULTILINE | re.DOTALL
    ):
        yield language, re.sub(f"^{indent}", "", content, flags=re.MULTILINE)


def command_words(document: str) -> Iterator[list[str]]:
    """The words of each command in the shell blocks of a document, as a shell reads them."""
    arrays: dict[str, list[str]] = {}
    for language, block in blocks(document):
        if language not in SHELL:
            continue
        for name, content in ARRAY.findall(block):
            arrays[name] = expanded(content, arrays)
        for line in re.sub(r"\\\n", " ", ARRAY.sub("", block)).splitlines():
            words = expanded(line, arrays)
            while "&&" in words:
                position = words.index("&&")
                yield words[:position]
                words = words[position + 1 :]
            if words:
                yield words


def expanded(text: str, arrays: dict[str, list[str]]) -> list[str]:
    words: list[str] = []
    for word in shlex.split(text, comments=True):
        array = re.fullmatch(r"\$\{(\w+)\[@\]\}", word)
        words += arrays[array[1]] if array else [word]
    return words


def inline_code(document: str) -> list[str]:
    """What stands between backticks outside of blocks."""
    text = re.sub(r"^ *```.*?^ *```$", "", read(document), flags=re.MULTILINE | re.DOTALL)
    return [" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]


# --------------------------------------------------------------------- commands of each program


def check_dvc(words: list[str]) -> None:
    """DVC's own parser takes the options, and the stages and files that are named exist."""
    try:
        arguments = get_main_parser().parse_args(words)
    except DvcException as error:
        pytest.fail(f"dvc {shlex.join(words)}: {error}")
    targets = getattr(arguments, "targets", None) or []
    for target in targets:
        file, _, stage = target.rpartition(":")
        stages = (REPOSITORY / (file or "dvc.yaml")).read_text(encoding="utf-8")
        name = stage.partition("@")[0]  # of a stage that there is for every epoch
        is_stage = re.search(rf"^  {re.escape(name)}:$", stages, re.MULTILINE)
        assert is_stage or (REPOSITORY / target).exists(), f"{target}: no such stage or file"


def check_python(words: list[str]) -> None:
    assert words[0] == "-m", words
    assert find_spec(words[1]) is not None, f"{words[1]}: no such module"
    if words[1] == "benchmarks":
        from benchmarks.__main__ import command_line

        try:
            command_line().parse_args(words[2:])
        except SystemExit:
            pytest.fail(f"python {shlex.join(words)}: no such benchmark")


def check_pip(words: list[str]) -> None:
    """A file of requirements that is named exists; other packages come with their version."""
    assert words[0] == "install", words
    position = 1
    while position < len(words):
        if words[position] == "-r":
            assert (REPOSITORY / words[position + 1]).is_file(), words[position + 1]
        elif words[position] == "--index-url":
            assert words[position + 1].startswith("https://"), words
        else:
            assert words[position] in read("requirements.txt").splitlines(), words[position]
            position -= 1
        position += 2


def check_copy(words: list[str]) -> None:
    assert (REPOSITORY / words[0]).is_file(), words


def check_own(words: list[str]) -> None:
    """A command of the command line with its options and as many arguments as it takes."""
    try:
        command = command_line()
    except ModuleNotFoundError as error:
        pytest.fail(f"the command line cannot be loaded: {error}")
    path = [PROGRAM]
    while getattr(command, "commands", None) and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"{' '.join(path)}: no command {words[0]}"
        command, path = command.commands[words[0]], [*path, words[0]]
        words = words[1:]
    check_arguments(command, " ".join(path), words)


def check_arguments(command: Any, name: str, words: list[str]) -> None:
    options = {
        word: parameter
        for parameter in command.params
        for word in (*parameter.opts, *parameter.secondary_opts)
        if parameter.param_type_name == "option"
    }
    given: set[str] = set()
    free = 0
    rest = list(words)
    while rest:
        word, _, value = rest.pop(0).partition("=")
        if word in ("-h", "--help"):
            return
        if not word.startswith("-"):
            free += 1
            continue
        assert word in options, f"{name}: no option {word}"
        parameter = options[word]
        given.add(parameter.name)
        if parameter.is_flag or value:
            continue
        values = list(takewhile(lambda word: not word.startswith("-"), rest))
        # The value of --measure may be left out; --experiments takes several.
        assert values or (parameter.metavar or "").startswith("["), f"{name}: {word} has no value"
        del rest[: len(values) if parameter.multiple else 1 if values else 0]
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    least = sum(each.required for each in arguments)
    most = None if any(each.nargs == -1 for each in arguments) else len(arguments)
    assert least <= free and (most is None or free <= most), f"{name}: {free} argument(s)"
    missing = {each.name for each in options.values() if each.required} - given
    assert not missing, f"{name}: without {missing}"


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "dvc": check_dvc,
    "python": check_python,
    "pip": check_pip,
    "cp": check_copy,
    PROGRAM: check_own,
}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_says_what_it_is(document: str) -> None:
    assert {language for language, _ in blocks(document)} <= SHELL | OTHERS
    # What the expression for blocks did not find would be tested by nobody.
    fences = re.findall(r"^ *```", read(document), re.MULTILINE)
    assert len(fences) == 2 * len(list(blocks(document)))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_exists(document: str) -> None:
    for words in command_words(document):
        program = words[0]
        if program == "python3":
            assert words[1:] == ["-m", "venv", ".venv"], words
        elif program not in FOREIGN:
            assert program in CHECKS, f"{document}: what is {program}?"
            CHECKS[program](words[1:])


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_in_a_sentence_exists(document: str) -> None:
    """Its arguments may be left out there, and stand for others; command and module are checked."""
    for code in inline_code(document):
        if module := re.match(r"python -m ((?:\w+\.)*\w+)", code):
            if not module[1].endswith("NAME"):
                assert find_spec(module[1]) is not None, f"{document}: `{code}`"
        elif code.startswith(f"{PROGRAM} "):
            check_command_alone(code.split()[1:], document)


def check_command_alone(words: list[str], document: str) -> None:
    try:
        command = command_line()
    except ModuleNotFoundError as error:
        pytest.fail(f"the command line cannot be loaded: {error}")
    for word in words:
        known = getattr(command, "commands", None)
        if known:
            assert word in known, f"{document}: {PROGRAM} has no command {word}"
            command = known[word]
        elif word.startswith("--"):
            options = {option for each in command.params for option in each.opts} | {"--help"}
            assert word in options, f"{document}: {command.name} has no option {word}"


# ------------------------------------------------------------------------------ README as such


def test_readme_is_short() -> None:
    assert len(read("README.md").split()) <= LONGEST_README


def test_readme_has_the_two_commands() -> None:
    assert "pip install -r requirements.txt && dvc repro\n" in read("README.md")
    both = "pip install -r requirements.txt -r requirements-dev.txt && pytest\n"
    assert both in read("README.md")


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_to_files_lead_somewhere(document: str) -> None:
    """Those of the pages in docs/ are checked by Sphinx."""
    text = re.sub(r"^ *```.*?^ *```$", "", read(document), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not target.startswith("https://"):
            file, _, heading = target.partition("#")
            assert (REPOSITORY / file).exists(), target
            assert not heading or heading in map(anchor, read(file).splitlines()), target


def anchor(line: str) -> str:
    """What GitHub calls a heading in a link; empty for another line."""
    heading = re.fullmatch("#+ (.+)", line)
    return re.sub(r"[^\w -]", "", heading[1].lower()).replace(" ", "-") if heading else ""


# ----------------------------------------------------------------------------- experiments


def experiment_commands(document: str) -> list[list[str]]:
    """What follows on each `dvc exp run` of a document."""
    found = command_words(document)
    return [words[3:] for words in found if words[:3] == ["dvc", "exp", "run"]]


def settings(words: list[str]) -> list[str]:
    """What is set; other words are targets, or take no part in the experiment."""
    found, position = [], 0
    while position < len(words):
        if words[position] in {"-S", "--set-param"}:
            found.append(words[position + 1])
        elif words[position] not in NAMES:
            is_target = "dvc.yaml" in words[position]  # check_dvc: it is there
            assert is_target or words[position] == "--queue", words[position]
            position -= 1
        position += 2
    return found


def experiments(words: list[str], folder: Path, copies: list[list[str]]) -> list[Params]:
    """The validated parameters of each experiment that a command runs, as DVC sets them.

    Args:
        words: of the command.
        folder: to set them in.
        copies: source and target of the files that the document has copied, such as a profile.
    """
    overrides = to_path_overrides(settings(words))
    sweeps = get_hydra_sweeps(overrides)
    found = []
    for sweep in sweeps:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(REPOSITORY / "params.yaml", folder)
        shutil.copytree(REPOSITORY / "profiles", folder / "profiles")
        for file in STAGE_FILES:
            (folder / file).parent.mkdir(parents=True)
            shutil.copy(REPOSITORY / file, folder / file)
        for source, target in copies:
            shutil.copy(folder / source, folder / target)
        for path, values in sweep.items():
            apply_overrides(folder / path, values)
        found.append(load_params(folder))
        for file, section in STAGE_FILES.items():
            load_section(section, folder / file)
    return found


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Params]]:
    """The experiments of each document."""
    folder = tmp_path_factory.mktemp("documented") / "root"
    found = {}
    for document in DOCUMENTS:
        copies = [words[1:] for words in command_words(document) if words[0] == "cp"]
        found[document] = [
            params
            for words in experiment_commands(document)
            for params in experiments(words, folder, copies)
        ]
    return found


def test_every_experiment_is_found_and_valid(documented: dict[str, list[Params]]) -> None:
    # README has a sweep of four methods and two seeds; the other one of four ratios.
    assert len(documented["README.md"]) == len(experiment_commands("README.md")) + 7
    assert not documented["docs/paper.md"]  # its experiments are those of studies, tested below
    assert documented["docs/tutorial.md"] and documented["docs/how-to/own-data.md"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_set_value_is_said_to_stay(document: str) -> None:
    """`dvc exp run -S` writes into the workspace; the queue does not."""
    if any("--queue" not in words for words in experiment_commands(document)):
        assert re.search(r"\b(stays?|leaves)\b", read(document)), document


# --------------------------------------------------------------------------------- the paper


def paper_plans() -> dict[tuple[str, str], list[Planned]]:
    """What the study commands of docs/paper.md run, by profile and group."""
    found: dict[tuple[str, str], list[Planned]] = {}
    for words in command_words("docs/paper.md"):
        if words[:2] != [PROGRAM, "study"] or "--groups" not in words:
            continue
        files = [Path(word) for word in words if word.endswith(".yaml")]
        groups = words[words.index("--groups") + 1 :]
        for each in plan(load_studies([REPOSITORY / file for file in files], groups), REPOSITORY):
            for group in each.groups:
                if group in groups:
                    found.setdefault((each.experiment.profile, group), []).append(each)
    return found


def choice(planned: Planned) -> tuple[str, str | None, str | None, float | None]:
    variant = planned.variant
    return variant.method, variant.schedule, variant.rule, variant.amount


def test_the_papers_page_has_a_command_for_every_row_of_table_2() -> None:
    plans = paper_plans()
    for row in table_2():
        given = {choice(each) for each in plans[row.profile, "table_2"]}
        assert (row.method, row.schedule, row.rule, row.amount) in given


def test_the_papers_page_has_a_command_for_every_point_of_the_figures() -> None:
    plans = paper_plans()
    points = {choice(each) for each in plans["flickr30k", "figure_5"]}
    for method in ("remove", "replace_caption", "replace_image"):
        assert (method, "dynamic", "mean_std", 2.0) in points
    for method, ratios in {
        "remove": (0.01, 0.05, 0.1),
        "replace_caption": (0.01, 0.05, 0.1),
        "replace_image": (0.1, 0.8),
    }.items():
        assert {(method, "dynamic", "top_fraction", ratio) for ratio in ratios} <= points
    static = {choice(each) for each in plans["flickr30k", "figure_7"]}
    for ratio in (0.2, 0.4, 0.5, 0.6, 0.8):
        assert ("replace_image", "static", None, ratio) in static
        assert ("replace_image", "dynamic", "top_fraction", ratio) in static
    shown = {choice(each)[0] for each in plans["flickr30k", "figure_8"]}
    assert shown == {"none", "remove", "replace_image"}
    assert ("flickr30k", "few_shot") in plans


def test_the_papers_experiments_have_its_settings() -> None:
    for (profile, _), plans in paper_plans().items():
        for each in plans:
            experiment, setting = each.params.experiment, each.params.profile
            assert experiment.training.epochs == experiment.training.schedule_epochs == 5
            assert experiment.prompt.mode == "concat"
            assert experiment.prompt.styler == (
                "national geographic, high quality photography, Canon EOS R3, Flickr"
            )
            assert setting.captioner.fine_tuning.batch_size == 128
            assert setting.captioner.base.source == "blip_checkpoint"
            checkpoint = "model_base_capfilt_large" if profile == "flickr30k" else "model_base"
            assert setting.captioner.base.file == f"{checkpoint}.pth"
            generator = setting.generator.fine_tuning
            assert (generator.steps, generator.batch_size) == (15_000, 32)
            assert (generator.learning_rate, generator.schedule) == (1e-5, "constant")


def test_keys_that_the_papers_page_names_exist() -> None:
    """Words in code type with a dot that begin like a section of params.yaml or of a profile."""
    experiment = load_params(REPOSITORY).experiment
    places = [
        experiment.model_dump(),
        load_params(REPOSITORY, profile="flickr30k").profile.model_dump(),
    ]
    named = re.findall(r"`((?:\w+\.)+\w+)[:`]", read("docs/paper.md"))
    keys = [
        name
        for name in named
        if any(name.split(".")[0] in place for place in places)
        and not name.endswith((".json", ".csv"))
    ]
    assert len(keys) > 15
    for name in keys:
        assert any(has_key(place, name.split(".")) for place in places), name


def has_key(values: Any, keys: list[str]) -> bool:
    return not keys or (
        isinstance(values, dict) and keys[0] in values and has_key(values[keys[0]], keys[1:])
    )
