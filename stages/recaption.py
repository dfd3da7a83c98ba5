"""Let a model write captions for an epoch's proposals; no method asks for any yet."""

from caption_curation import paths
from caption_curation.support.outputs import write_atomically
from caption_curation.support.stage_arguments import Epoch
from stages import run


def main(epoch: Epoch) -> None:
    """Write no caption."""
    write_atomically(paths.recaptions(epoch), "")


if __name__ == "__main__":
    run(main)
