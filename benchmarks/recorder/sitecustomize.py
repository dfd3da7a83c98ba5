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

    MAIN_THREAD = get_ident()
    imports = []  # [begin, end] of every import that no other import asked for
    packages = {}  # top-level package → seconds in its own modules
    nested = []  # for every import under way: seconds of the imports that it asked for
    children = []  # [words, begin, end] of every child process
    started = {}  # child process → begin

    find_and_load = importlib._bootstrap._find_and_load
    begin_child = subprocess.Popen.__init__
    wait_for_child = subprocess.Popen.wait

    def timed_import(name, import_):
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

    def timed_child(self, args, *others, **options):
        started[id(self)] = time.monotonic()
        begin_child(self, args, *others, **options)

    def timed_wait(self, timeout=None):
        status = wait_for_child(self, timeout)
        begin = started.pop(id(self), None)
        if begin is not None:
            words = [self.args] if isinstance(self.args, str) else [str(one) for one in self.args]
            children.append([words, begin, time.monotonic()])
        return status

    def write():
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
    importlib._bootstrap._find_and_load = timed_import
    subprocess.Popen.__init__ = timed_child
    subprocess.Popen.wait = timed_wait
    ready = time.monotonic()
