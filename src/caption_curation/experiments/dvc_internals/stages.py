"""Stages as DVC resolves and orders them, and their runs in its run cache."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from caption_curation.experiments.dvc_internals.repository import check_version
from caption_curation.experiments.dvc_internals.yaml_files import parse_yaml
from caption_curation.support.errors import InputError


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
