"""What was found of a profile's corpora and models, as lines of text."""

from caption_curation.downloads.check import Check, SplitCheck

COLUMNS = ("published", "listed", "present", "missing", "unreadable")


def describe(check: Check) -> list[str]:
    """What is there, and the numbers of images of each split."""
    state = "" if not check.faults else "  ← see below"
    lines = [f"{check.key}: {check.found}{state}"]
    if check.splits:
        lines.append(f"  {'split':6}" + "".join(f"{name:>12}" for name in COLUMNS))
    return lines + [f"  {split.split:6}" + "".join(_cells(split)) for split in check.splits]


def _cells(split: SplitCheck) -> list[str]:
    numbers = [getattr(split, name) for name in COLUMNS]
    return [f"{'-' if number is None else f'{number:,}':>12}" for number in numbers]
