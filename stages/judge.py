"""Measure what an epoch's proposals would give, for a gate; no gate asks for it yet."""

from caption_curation import paths
from caption_curation.support.outputs import write_atomically
from caption_curation.support.stage_arguments import Epoch
from stages import run


def main(epoch: Epoch) -> None:
    """Write no measure."""
    write_atomically(paths.judgements(epoch), "")


if __name__ == "__main__":
    run(main)
