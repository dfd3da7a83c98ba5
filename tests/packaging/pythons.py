"""Where other Pythons are."""

import os
import shutil
import subprocess
from pathlib import Path


def find_python(version: str) -> Path | None:
    """A Python of a version such as 3.12, from PATH or of pyenv's, if there is one."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    programs = [*pyenv.glob(f"versions/{version}.*/bin/{name}")]
    if found := shutil.which(name):
        programs.insert(0, Path(found))
    return next((program for program in programs if is_python(program, version)), None)


def is_python(program: Path, version: str) -> bool:
    """Whether a program is a Python of a version (a shim of pyenv's may be none)."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run(
        [program, "-I", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return done.returncode == 0 and done.stdout.strip() == version
