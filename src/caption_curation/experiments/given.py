"""What people and other programs gave an experiment: scores and decisions, told by content."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

EMPTY = "d41d8cd98f00b204e9800998ecf8427e"  # MD5 of an empty file
DIGITS = 8  # of a digest, as tables show it
READERS = ("scores", "settle", "settle_static")  # the stages
OWN = ("data/corpus/", "data/epochs/")  # what else they read, but code


@dataclass(frozen=True)
class Given:
    """What an experiment read of `inputs.scores` and `inputs.decisions`; empty files are left out.

    Attributes:
        scores: MD5 of the file of each epoch.
        decisions: MD5 of the file; ``None``: nothing was decided.
    """

    scores: Mapping[int, str] = field(default_factory=dict)
    decisions: str | None = None

    def scores_digest(self, *, static: bool) -> str | None:
        """A digest of the scores that a schedule reads: before training, or after epochs."""
        read = {epoch: md5 for epoch, md5 in self.scores.items() if (epoch == 0) == static}
        text = "".join(f"{epoch}:{md5}\n" for epoch, md5 in sorted(read.items()))
        return sha256(text.encode()).hexdigest()[:DIGITS] if read else None

    @property
    def decisions_digest(self) -> str | None:
        """A digest of the decisions."""
        return self.decisions and self.decisions[:DIGITS]


NOTHING = Given()


def given_to(stages: Mapping[str, Any], code: tuple[str, ...]) -> Given:
    """What was given to an experiment, as its locks tell.

    A stage of the user's may have made it, so that what no stage made would not be all of it.

    Args:
        stages: of the locks, by name; of the epochs that the experiment has.
        code: what the paths of dependencies that are code begin with.
    """
    scores: dict[int, str] = {}
    decisions = None
    for name, stage in stages.items():
        kind, _, epoch = name.partition("@")
        if kind not in READERS:
            continue
        for dep in stage["deps"]:
            if dep["path"].startswith((*OWN, *code)) or dep["md5"] == EMPTY:
                continue
            if kind == "scores":
                scores[int(epoch)] = dep["md5"]
            else:
                decisions = dep["md5"]
    return Given(scores, decisions)
