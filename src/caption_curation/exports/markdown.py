"""Text of others in Markdown, where it must look like text and nothing else."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml


def literal(text: str) -> str:
    """Text as it is: nothing in it is markup, and it stays in its line."""
    in_a_line = " ".join(text.split())
    # HTML first: a backslash before "<" keeps some renderers, not all, from taking it as a tag.
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        in_a_line = in_a_line.replace(character, entity)
    escaped = re.sub(r"([\\`*_{}\[\]()#+!|~$-])", r"\\\1", in_a_line)
    # Bare addresses would become links.
    return escaped.replace("://", "&#58;//").replace("www.", "www&#46;")


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; cells are text of others, and numbers."""
    lines = [head, ["---"] * len(head)]
    lines += [[literal(str(cell)) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def fenced(text: str, language: str) -> str:
    """A block of code; the fence is longer than any in it."""
    longest = max((len(ticks) for ticks in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def front_matter(values: Mapping[str, Any]) -> str:
    """The head of a card, which the hub reads."""
    text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{text}---\n"
