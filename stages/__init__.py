"""One thin entry point per DVC stage: load, call, write. Run as ``python -m stages.NAME``."""

import atexit
import gc
import sys
from collections.abc import Callable
from pathlib import Path

# A queued experiment runs in a checkout of its own. Its stages must use the code of that checkout,
# not that of the folder that was installed with `pip install -e .`, which may have changed since.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

# Looking for garbage while the model libraries make their million objects, and again among all of
# them when the process ends, was a third of a short stage's time.
gc.set_threshold(100_000)
atexit.register(gc.freeze)


def run(main: Callable[..., None], *arguments: str) -> None:
    """Run a stage; bad input ends it with its message alone, everything else with a traceback."""
    from caption_curation.errors import InputError, NonFiniteLoss

    try:
        main(*arguments)
    except (InputError, NonFiniteLoss) as error:
        sys.exit(f"error: {error}")
