"""A program in another process, whose libraries find switches in its environment."""

import json
import os
import subprocess
import sys
from typing import Any


def printed(program: str, **environment: str) -> Any:
    """The JSON that a Python program prints, with these variables set besides."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
