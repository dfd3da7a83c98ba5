"""Check, when a profile is chosen, that there is one of that name and that it is valid."""

from caption_curation import paths
from caption_curation.config.params import load_params
from stages import run


def main() -> None:
    """Write a file that always says the same, so that only a fault has consequences."""
    load_params()
    paths.PROFILE.parent.mkdir(exist_ok=True)
    paths.PROFILE.write_text("There is such a profile.\n")


if __name__ == "__main__":
    run(main)
