"""Fail on a skipped test that the list does not name: ``check_skips.py TESTS.xml LIST``.

TESTS.xml is what ``pytest --junitxml`` wrote. Each line of LIST names a test as it does
(``tests.room.test_file.test_name``, whatever its parameters) or a module, and says why; lines
that start with ``#`` say more. A name that fits no test is an error too.
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def read_names(path: Path) -> list[str]:
    """The tests that may be skipped.

    Raises:
        SystemExit: a line gives no reason.
    """
    names = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            if not reason.strip():
                raise SystemExit(f"{path}: {name} may be skipped, but why? Say it after the name")
            names.append(name)
    return names


def read_tests(path: Path) -> dict[str, str | None]:
    """Why each test was skipped, by its name; ``None`` if it was not."""
    tests = {}
    for case in ET.parse(path).iter("testcase"):
        name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
        skipped = case.find("skipped")
        tests[name] = None if skipped is None else skipped.text or skipped.get("message", "")
    return tests


def fits(name: str, test: str) -> bool:
    return test == name or test.startswith((f"{name}[", f"{name}."))


def main(results: str, allowed: str) -> int:
    """Print what is wrong; the exit status is 1 if anything is."""
    names, tests = read_names(Path(allowed)), read_tests(Path(results))
    skipped = {test: reason for test, reason in tests.items() if reason is not None}
    unnamed = {
        test: reason
        for test, reason in skipped.items()
        if not any(fits(name, test) for name in names)
    }
    stale = [name for name in names if not any(fits(name, test) for test in tests)]
    for test, reason in unnamed.items():
        print(f"{test} was skipped, and {allowed} does not name it: {reason}")
    for name in stale:
        print(f"{allowed} names {name}, which is no test")
    print(f"{len(tests)} tests, {len(skipped)} skipped, {len(unnamed)} of them without leave")
    return 1 if unnamed or stale or not tests else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
