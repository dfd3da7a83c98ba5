"""What this project reads of DVC beyond its commands: the one place that knows its private API.

DVC prints its queue and its run cache for people only, and says nothing of what it would find
cached. What is needed of it is read here from its objects, by the version that was tried.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import psutil
import yaml

from caption_curation.support.errors import InputError

TRIED = "3.67"  # the version of DVC whose objects are known here


def check_version() -> None:
    """Refuse another DVC than the one whose objects are known.

    Raises:
        InputError: with the version that is installed and the one that is needed.
    """
    from dvc import __version__ as installed

    if installed.split(".")[:2] != TRIED.split("."):
        raise InputError(
            f"dvc {installed} is installed; this command reads private objects of DVC, which are "
            f"known for dvc {TRIED} only: pip install -r requirements.txt"
        )


@contextmanager
def open_repository(root: Path) -> Iterator[Any]:
    """DVC's object of the repository around ``root``.

    Raises:
        InputError: another version of DVC, no DVC repository, or a pipeline that cannot be read.
    """
    check_version()
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repository:
            yield repository
    except DvcException as error:
        raise InputError(f"DVC: {error}") from error


def stages_in_order(repository: Any) -> list[Any]:
    """The stages that a bare `dvc repro` looks at, each after those that it depends on."""
    from dvc.dvcfile import PROJECT_FILE
    from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro

    graph = get_active_graph(repository.index.graph)
    return list(plan_repro(graph, collect_stages(repository, [PROJECT_FILE])))


def is_parameters(dependency: Any) -> bool:
    """Whether a dependency of a stage is its parameters."""
    from dvc.dependency import ParamsDependency

    return isinstance(dependency, ParamsDependency)


def directory_list(repository: Any, digest: Any) -> Any:
    """The list of a directory by its hash, or ``None`` where it is not in the cache."""
    from dvc_data.hashfile.tree import Tree

    try:
        return Tree.load(repository.cache.local, digest)
    except FileNotFoundError:
        return None


def part_of_directory(repository: Any, listed: Any, part: Path) -> Any:
    """A file or folder within a directory's list by its relative path, or ``None``."""
    return listed.get_obj(repository.cache.local, part.parts)


def cache_folder(repository: Any) -> Path:
    """DVC's cache folder, as of :func:`caption_curation.support.dvc_cache.dvc_cache_folder`."""
    return Path(repository.cache.local_cache_dir)


def object_file(repository: Any, digest: Any) -> Path:
    """Where the file of a hash lies in the cache, if it is there."""
    return Path(repository.cache.local.oid_to_path(digest.value))


def remembered_stage(repository: Any, stage: Any, inputs: Sequence[Any]) -> Any:
    """A stage with the results that the run cache has for these inputs, or ``None``.

    Args:
        repository: from :func:`open_repository`.
        stage: whose dependencies get these hashes.
        inputs: the hash of each of its dependencies.
    """
    from dvc.stage.cache import _get_cache_hash
    from dvc.stage.serialize import to_single_stage_lockfile
    from dvc_data.hashfile.meta import Meta

    for dependency, digest in zip(stage.deps, inputs, strict=True):
        dependency.hash_info = digest
        dependency.meta = Meta()  # that of dvc.lock repeats the hash of dvc.lock
    run_cache = repository.stage_cache
    key = _get_cache_hash(to_single_stage_lockfile(stage), key=True)
    folder = Path(run_cache.cache_dir) / key[:2] / key
    runs = sorted(folder.glob("*"), key=lambda run: run.stat().st_mtime)
    found = run_cache._load_cache(key, runs[-1].name) if runs else None
    return run_cache._create_stage(found, wdir=stage.wdir) if found else None


def hashed(repository: Any, path: Path, output: Any) -> Any:
    """What DVC would store of a file or folder that lies at ``path`` as an output; stores nothing.

    Returns:
        Its object, with ``hash_info``; of a folder with its files.
    """
    from dvc_data.hashfile.build import build

    return build(repository.cache.local, str(path), output.fs, "md5", dry_run=True)[2]


def check_lock(text: str) -> None:
    """Read a dvc.lock as DVC reads it.

    Raises:
        ValueError: DVC would refuse it.
    """
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(parse_yaml(text, "dvc.lock"))
    except (YAMLFileCorruptedError, Invalid) as error:
        raise ValueError(str(error)) from error


def resolve_stages(
    texts: Mapping[str, str], definitions: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The stages of dvc.yaml files by name, tables and variables resolved, by file.

    Args:
        texts: of these files and of the parameter files that they may read, by relative path.
        definitions: which of them are dvc.yaml files.

    Raises:
        InputError: DVC refuses one.
    """
    check_version()
    from dvc.exceptions import DvcException
    from dvc.fs import LocalFileSystem
    from dvc.parsing import DataResolver

    found: dict[str, dict[str, Any]] = {}
    with TemporaryDirectory() as folder:
        for path, text in texts.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_text(text, encoding="utf-8")
        repository = SimpleNamespace(fs=LocalFileSystem(), config={})
        for path in definitions:
            content = parse_yaml(texts[path])
            try:
                resolver = DataResolver(repository, str((Path(folder) / path).parent), content)
                names = resolver.get_keys()
                found[path] = {name: resolver.resolve_one(name)[name] for name in names}
            except DvcException as error:
                raise InputError(f"DVC: {path}: {error}") from error
    return found


def committed_records(
    repository: Any, commit: str, paths: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """What files and folders of a commit are as dependencies in a dvc.lock, without their paths.

    Args:
        repository: from :func:`open_repository`.
        commit: which has all of them.
        paths: relative to the project.
    """
    from dvc_data.hashfile.build import build

    found = {}
    with repository.switch(commit):
        files = repository.fs
        for path in paths:
            whole = files.join(repository.root_dir, path)
            ignored = repository.dvcignore
            odb = repository.cache.local
            _, meta, built = build(odb, whole, files, "md5", ignore=ignored, dry_run=True)
            found[path] = _record(meta, built.hash_info)
    return found


def part_record(repository: Any, folder: str, part: Path) -> dict[str, Any] | None:
    """What a file or folder in a folder would be as a dependency, without its path.

    Args:
        repository: from :func:`open_repository`.
        folder: the hash of the folder around it.
        part: relative to that.

    Returns:
        ``None`` if the folder has no such part, or the cache no list of the folder.
    """
    from dvc_data.hashfile.hash_info import HashInfo

    listed = directory_list(repository, HashInfo("md5", folder))
    found = None if listed is None else part_of_directory(repository, listed, part)
    return None if found is None else {"hash": "md5", "md5": found.hash_info.value}


def _record(meta: Any, digest: Any) -> dict[str, Any]:
    sizes = {name: value for name, value in meta.to_dict().items() if name != "isdir"}
    return {"hash": "md5", "md5": digest.value, **sizes}


def run_key(lock: Mapping[str, Any]) -> str:
    """Under what DVC's run cache looks for a run: a hash of all but what came out."""
    from dvc.stage.cache import _get_cache_hash

    key: str = _get_cache_hash(dict(lock), key=True)
    return key


def run_value(lock: Mapping[str, Any]) -> str:
    """What DVC's run cache calls a run: a hash of all of it."""
    from dvc.stage.cache import _get_cache_hash

    value: str = _get_cache_hash(dict(lock))
    return value


def parse_yaml(text: str) -> Any:
    """YAML as DVC reads it: 1e-05 is a number, and `off` a word.

    Raises:
        ValueError: it is none.
    """
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml

    try:
        return parse_yaml(text, "a file")
    except YAMLFileCorruptedError as error:
        raise ValueError(str(error)) from error


def dump_yaml(content: Any) -> str:
    """YAML as DVC writes it."""
    from dvc.utils.serialize import dumps_yaml

    text: str = dumps_yaml(content)
    return text


def set_in_yaml(text: str, values: Mapping[Sequence[str], Any]) -> str:
    """A YAML file with other values, its remarks kept as `dvc exp run --set-param` keeps them.

    Args:
        text: of it.
        values: by the keys that lead to each; sections on the way are made where there are none.
    """
    from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

    content = parse_yaml_for_update(text, "parameters")
    for (*parents, last), value in values.items():
        section = content
        for parent in parents:
            if not isinstance(section.get(parent), dict):
                section[parent] = {}
            section = section[parent]
        section[last] = value
    changed: str = dumps_yaml(content)
    return changed


def experiment_reference(baseline: str, name: str) -> str:
    """The git reference of an experiment.

    Args:
        baseline: the commit that it was run from.
        name: of it.
    """
    from dvc.repo.experiments.refs import ExpRefInfo

    return str(ExpRefInfo(baseline, name))


def value_set_by_dvc(setting: str) -> Any:
    """The value of the key ``value`` in a YAML file after `dvc exp run --set-param`.

    Args:
        setting: of that key, as ``--set-param`` takes it.

    Raises:
        InputError: DVC does not take it, or takes it for several values.
    """
    check_version()
    from dvc.utils.hydra import apply_overrides, get_hydra_sweeps

    with TemporaryDirectory() as folder:
        file = Path(folder) / "values.yaml"
        file.write_text("value: 0\n", encoding="utf-8")
        try:
            sweeps = get_hydra_sweeps({file: [setting]})
            if len(sweeps) == 1:
                apply_overrides(file, sweeps[0][file])
        except Exception as error:  # DVC's own, and what the parsers below it raise
            raise InputError("`dvc exp run` cannot set it") from error
        if len(sweeps) != 1:
            raise InputError("`dvc exp run` takes it for several values")
        return yaml.safe_load(file.read_text(encoding="utf-8"))["value"]


def rwlock_holders(content: bytes) -> set[int]:
    """The processes that .dvc/tmp/rwlock names as reading or writing.

    Raises:
        ValueError: DVC would refuse it.
    """
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    try:
        lock = SCHEMA(json.loads(content))
    except Invalid as error:
        raise ValueError(str(error)) from error
    readers = [info for infos in lock["read"].values() for info in infos]
    return {info["pid"] for info in [*lock["write"].values(), *readers]}


def queue_states(root: Path) -> tuple[dict[str, str], int]:
    """The state of every experiment in the queue by name, and the number of living workers.

    Raises:
        InputError: as :func:`open_repository`.
    """
    with open_repository(root) as repository:
        queue = repository.experiments.celery_queue
        states: dict[str, str] = {}
        for task in queue.status():
            states.setdefault(task["name"], task["status"])
        # A worker of a busy machine may be late to answer: its process is what tells.
        records = Path(queue.wdir).glob("dvc-exp-worker-*.json")
        return states, sum(_is_worker(record) for record in records)


def _is_worker(record: Path) -> bool:
    """Whether the process of a worker's record is alive, and still a worker."""
    try:
        process = psutil.Process(json.loads(record.read_text())["pid"])
        return "queue-worker" in process.cmdline()
    except psutil.Error:
        return False
