"""Writes down where a Python process spends its time, when this folder is on PYTHONPATH.

Python imports this module at start-up. If the environment variable ``START_UP_LOG`` names a file,
the process appends one line of JSON to it at its end; ``benchmarks/start_up.py`` reads it and says
what it holds. All times are seconds of the monotonic clock, which all processes of a machine share.
"""

import os

if "START_UP_LOG" in os.environ:
    import atexit
    import importlib._bootstrap
    import json
    import subprocess
    import sys
    import time
    from _thread import get_ident
    from typing import Any

    MAIN_THREAD = get_ident()
    imports: list[list[float]] = []  # [begin, end] of every import that no other import asked for
    packages: dict[str, float] = {}  # top-level package → seconds in its own modules
    nested: list[float] = []  # for every import under way: seconds of the imports that it asked for
    children: list[list[object]] = []  # [words, begin, end] of every child process

    bootstrap = vars(importlib._bootstrap)  # "import" and import_module() both call this one
    find_and_load = bootstrap["_find_and_load"]

    def timed_import(name: str, import_: object) -> object:
        if get_ident() != MAIN_THREAD:
            return find_and_load(name, import_)
        begin = time.monotonic()
        nested.append(0.0)
        try:
            return find_and_load(name, import_)
        finally:
            end = time.monotonic()
            package = name.partition(".")[0]
            packages[package] = packages.get(package, 0.0) + end - begin - nested.pop()
            if nested:
                nested[-1] += end - begin
            else:
                imports.append([begin, end])

    class TimedChild(subprocess.Popen[Any]):
        begin: float | None

        def __init__(self, args: Any, *others: Any, **options: Any) -> None:
            self.begin = time.monotonic()
            super().__init__(args, *others, **options)

        def wait(self, timeout: float | None = None) -> int:
            status = super().wait(timeout)
            if self.begin is not None:
                words = self.args if isinstance(self.args, (list, tuple)) else [self.args]
                children.append([[str(word) for word in words], self.begin, time.monotonic()])
                self.begin = None
            return status

    def write() -> None:
        line = json.dumps(
            {
                "words": sys.orig_argv,
                "ready": ready,
                "ended": time.monotonic(),
                "imports": imports,
                "packages": packages,
                "children": children,
            }
        )
        with open(os.environ["START_UP_LOG"], "a") as log:  # noqa: PTH123 (pathlib takes time)
            log.write(line + "\n")

    atexit.register(write)  # as the first, so that it runs as the last
    bootstrap["_find_and_load"] = timed_import
    subprocess.Popen = TimedChild  # type: ignore[misc]
    ready = time.monotonic()
