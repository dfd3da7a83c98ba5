"""Errors whose messages tell users what is wrong and how to fix it."""

from collections.abc import Sequence

FAULTS_SHOWN = 20


class InputError(ValueError):
    """Invalid input, found before expensive work; a stage shows the message without a traceback.

    Ids, captions and file names are others' text, which may hold what clears or colours a terminal:
    in the message such characters are escaped.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


def printable(text: str) -> str:
    """``text`` with all characters but printable ones and line feeds escaped as in Python."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(
        character
        if character == "\n" or character.isprintable()
        else character.encode("unicode_escape").decode()
        for character in text
    )


def list_faults(heading: str, faults: Sequence[str]) -> str:
    """``heading``, the number of faults and the first of them, one per line."""
    shown = [f"  {fault}" for fault in faults[:FAULTS_SHOWN]]
    if len(faults) > FAULTS_SHOWN:
        shown.append(f"  … and {len(faults) - FAULTS_SHOWN} more")
    return "\n".join([f"{heading} ({len(faults)}):", *shown])


class NonFiniteLoss(ArithmeticError):
    """Training stopped at a loss that is infinite or not a number."""
