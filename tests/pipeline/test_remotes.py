"""People share runs and images through a remote: in fresh clones, with DVC's own commands.

Ann runs the pipeline and pushes, Ben clones, pulls and goes on. Each has a clone and a cache of
their own, and they share a git repository and DVC's remotes: ``group`` is a directory, ``lab`` a
machine that is reached by SSH, ``cloud`` an S3 bucket.
"""

import hashlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import pytest

from caption_curation.synthetic_index import read_synthetic_index
from tests.pipeline.clone import Clone, Run
from tests.pipeline.servers import (
    LOOPBACK,
    PATIENCE,
    CannotServe,
    S3Server,
    SSHServer,
    free_port,
    ssh_server,
)

# All that the current experiment made, and nothing of epochs that it does not have: these would
# otherwise have to be left out by --allow-missing, which hides that a remote is away.
EVERYTHING = ("--with-deps", "report")
SYNTHESIZE = "stages/epochs/dvc.yaml:synthesize@1"
OBJECT = re.compile(r"([0-9a-f]{2})/([0-9a-f]{30}(\.dir)?)$")


@dataclass(frozen=True)
class Experiment:
    """What running an experiment did."""

    run: Run
    drawn: set[str]  # keys of the images that were not there before in any form
    locks: dict[str, Any]


@dataclass(frozen=True)
class Remotes:
    """Where the remotes are, and the servers of two of them."""

    origin: Path
    folder: Path
    ssh: SSHServer | CannotServe
    s3: S3Server

    def objects(self, name: str) -> dict[str, bytes]:
        """Every object of a remote, by the name that DVC gave it."""
        if name == "cloud":
            storage = fsspec.filesystem(
                "s3", endpoint_url=self.s3.endpoint, use_listings_cache=False
            )
            files = storage.cat(storage.find(f"{self.s3.bucket}/store/files"))
        else:
            paths = [path for path in (self.folder / name).rglob("*") if path.is_file()]
            files = {str(path): path.read_bytes() for path in paths}
        found = {OBJECT.search(path): content for path, content in files.items()}
        return {match[1] + match[2]: content for match, content in found.items() if match}


@pytest.fixture(scope="module")
def remotes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remotes]:
    folder = tmp_path_factory.mktemp("remotes")
    origin = folder / "origin.git"
    words = ["git", "init", "--quiet", "--bare", "--initial-branch=main", str(origin)]
    subprocess.run(words, check=True)
    s3 = S3Server()
    with ExitStack() as servers:
        environment = servers.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("AWS_ACCESS_KEY_ID", "tester")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        s3.start()
        servers.callback(s3.stop)
        ssh: SSHServer | CannotServe
        try:
            ssh = servers.enter_context(ssh_server(tmp_path_factory.mktemp("sshd")))
        except CannotServe as reason:
            ssh = reason
        yield Remotes(origin, folder, ssh, s3)


@pytest.fixture(scope="module")
def ann(remotes: Remotes, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Who ran the pipeline with the ratio 0.4 of params.yaml, and pushed."""
    ann = Clone(tmp_path_factory.mktemp("people") / "ann")
    ann.dvc("remote", "add", "--default", "group", str(remotes.folder / "group"))
    ann.dvc("remote", "add", "crowded", str(remotes.folder / "crowded"))
    ann.dvc("remote", "add", "cloud", f"s3://{remotes.s3.bucket}/store")
    ann.dvc("remote", "modify", "cloud", "endpointurl", remotes.s3.endpoint)
    if isinstance(remotes.ssh, SSHServer):
        ann.dvc("remote", "add", "lab", remotes.ssh.url(remotes.folder / "lab"))
        ann.dvc("remote", "modify", "lab", "keyfile", str(remotes.ssh.key))
    ann.dvc("repro")
    ann.commit("ratio 0.4")
    ann.command("git", "remote", "add", "origin", str(remotes.origin))
    ann.command("git", "push", "--quiet", "origin", "main")
    ann.dvc("push", "--run-cache")
    return ann


def person(name: str, ann: Clone, remotes: Remotes) -> Clone:
    """Another clone of what Ann pushed to git."""
    return Clone(ann.folder.parent / name, origin=remotes.origin)


@pytest.fixture(scope="module")
def newcomer(ann: Clone, remotes: Remotes) -> Clone:
    """Ben, who cloned and has not pulled yet."""
    return person("ben", ann, remotes)


@pytest.fixture(scope="module")
def ben(newcomer: Clone) -> Clone:
    """Ben, who has pulled."""
    newcomer.dvc("pull", "--run-cache", *EVERYTHING)
    return newcomer


@pytest.fixture(scope="module")
def half(ben: Clone) -> Experiment:
    """Ben's experiment with another ratio."""
    assert ben.dvc("repro").stages == []
    before = {path.stat().st_ino for path in (ben.folder / ".dvc/cache/files").rglob("*")}
    run = ben.dvc("exp", "run", "--name", "half", "--set-param", "curation.ratio=0.5")
    stored = (ben.folder / ".dvc/cache/caption_curation/images").rglob("*.jpg")
    # An image that was pulled is linked into the store; one that was drawn is a new file.
    drawn = {path.stem for path in stored if path.stat().st_ino not in before}
    return Experiment(run, drawn, ben.locks())


def images_of(clone: Clone) -> set[str]:
    """Keys of the synthetic images that the current experiment drew."""
    indexes = (clone.folder / "data/epochs").glob("*/synthetic/index.jsonl")
    return {image.key for index in indexes for image in read_synthetic_index(index)}


def missing(objects: Mapping[str, bytes], locks: Mapping[str, Any]) -> set[str]:
    """The outputs of the locks that are not there, and files of those that are."""
    outputs = {output["md5"] for stage in locks.values() for output in stage["outs"]}
    listed = {
        entry["md5"]
        for name in outputs & objects.keys()
        if name.endswith(".dir")
        for entry in json.loads(objects[name])
    }
    return (outputs | listed) - objects.keys()


def damaged(objects: Mapping[str, bytes]) -> set[str]:
    """The objects that are not what their names say."""
    return {
        name
        for name, content in objects.items()
        if hashlib.md5(content).hexdigest() != name.removesuffix(".dir")
    }


@pytest.fixture
def away(newcomer: Clone, remotes: Remotes) -> Iterator[None]:
    """The directory is not mounted, and nobody listens at the SSH port."""
    nowhere = remotes.folder / "not_mounted"
    config = newcomer.folder / ".dvc/config.local"
    config.write_text(
        f"['remote \"group\"']\n    url = {nowhere}\n"
        f"['remote \"lab\"']\n    url = ssh://{LOOPBACK}:{free_port()}{nowhere}\n"
    )
    yield
    config.unlink()


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("group", "do not exist neither locally nor on remote"),
        ("lab", "failed to connect to ssh"),
    ],
)
def test_a_remote_that_is_away(newcomer: Clone, name: str, said: str) -> None:
    """DVC's own words, and a failure: it does not go on as if all had been pulled."""
    with pytest.raises(AssertionError) as failure:
        newcomer.dvc("pull", "--remote", name, *EVERYTHING)
    assert said in str(failure.value)
    assert "failed to pull data from the cloud" in str(failure.value)


@pytest.mark.usefixtures("away")
def test_allow_missing_takes_an_absent_directory_for_an_empty_remote(newcomer: Clone) -> None:
    """Why the README warns of it."""
    assert "Everything is up to date" in newcomer.dvc("pull", "--allow-missing").output


def test_another_ratio_draws_only_the_images_that_nobody_had(
    ann: Clone, ben: Clone, half: Experiment
) -> None:
    needed, had = images_of(ben), images_of(ann)
    assert half.drawn == needed - had
    assert half.run.generated == len(needed - had) > 0
    assert f"{len(needed & had)} from the DVC cache" in half.run.output
    # Nor is anything trained again that Ann had trained.
    assert "train@2" in half.run.stages
    assert not {"corpus", "finetune_generator", "train@1"} & set(half.run.stages)


def test_two_people_push_at_once(
    ann: Clone, ben: Clone, half: Experiment, remotes: Remotes
) -> None:
    pushes = [start_push(person, "crowded") for person in (ann, ben)]
    for push in pushes:
        output, _ = push.communicate(timeout=PATIENCE)
        assert push.returncode == 0, output
    objects = remotes.objects("crowded")
    assert not damaged(objects)
    assert not missing(objects, ann.locks())
    assert not missing(objects, half.locks)


def test_an_experiment_comes_with_its_images(
    ann: Clone, ben: Clone, half: Experiment, remotes: Remotes
) -> None:
    ben.dvc("exp", "push", "origin", "half")
    carol = person("carol", ann, remotes)
    carol.dvc("exp", "pull", "origin", "half")
    # DVC misses the outputs of epochs that never ran, after it has brought all others back.
    with pytest.raises(AssertionError, match="Checkout failed"):
        carol.dvc("exp", "apply", "half")
    assert carol.dvc("repro").stages == []
    assert carol.locks() == half.locks
    # Her image store is empty. What she needs from now on, it finds among what she pulled.
    run = carol.dvc("repro", "--force", "--single-item", SYNTHESIZE)
    count = len(images_of(carol))
    assert f"{count} images: 0 generated, 0 reused, {count} from the DVC cache" in run.output
    assert carol.locks() == half.locks


def test_the_settings_of_others_run_nothing(ann: Clone, ben: Clone, half: Experiment) -> None:
    ben.set(**{"curation.ratio": 0.4})
    assert ben.dvc("repro").stages == []
    assert ben.locks() == ann.locks()


def test_a_push_over_ssh(ann: Clone, remotes: Remotes) -> None:
    if isinstance(remotes.ssh, CannotServe):
        pytest.skip(str(remotes.ssh))
    ann.dvc("push", "--remote", "lab")
    objects = remotes.objects("lab")
    assert not damaged(objects)
    assert not missing(objects, ann.locks())
    dora = person("dora", ann, remotes)
    dora.dvc("pull", "--remote", "lab", *EVERYTHING)
    assert dora.dvc("repro").stages == []


def test_a_push_to_s3_that_is_cut_off_and_repeated(ann: Clone, remotes: Remotes) -> None:
    remotes.s3.stall_after(uploads=30)
    push = start_push(ann, "cloud", "--jobs", "4")
    assert remotes.s3.stalled.wait(PATIENCE)
    push.kill()
    push.communicate()
    assert push.returncode == -signal.SIGKILL
    remotes.s3.answer_again()
    objects = remotes.objects("cloud")
    assert 20 < len(objects) <= 30
    assert not damaged(objects)
    assert missing(objects, ann.locks())

    ann.dvc("push", "--remote", "cloud")
    objects = remotes.objects("cloud")
    assert not damaged(objects)
    assert not missing(objects, ann.locks())
    emil = person("emil", ann, remotes)
    emil.dvc("pull", "--remote", "cloud", *EVERYTHING)
    assert emil.dvc("repro").stages == []


def start_push(clone: Clone, remote: str, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "dvc", "push", "--remote", remote, *options],
        cwd=clone.folder,
        env=clone.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
