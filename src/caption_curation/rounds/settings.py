"""How a round chooses and what it does: checked like the section ``curation`` of params.yaml."""

from caption_curation.curation.actions import NO_CURATION
from caption_curation.curation.rules import RULES
from caption_curation.curation.scores import SCORES
from caption_curation.curation.settings import Curation, CurationDetails
from caption_curation.support.errors import InputError
from caption_curation.support.sections import validate

HERE = "this round"  # what a message begins with
UNREAD = 0.5  # stands for an amount that nothing reads


def round_settings(
    *,
    method: str,
    rule: str,
    ratio: float | None,
    std: float | None,
    score: str,
    pair_with: str,
    rounding: str,
    easier_captions: int | None,
    epoch: int,
    with_losses: bool,
) -> tuple[Curation, CurationDetails]:
    """The settings of a round; the arguments are those of :func:`.round.curate`.

    Raises:
        InputError: with every fault.
    """
    faults: list[str] = []
    if epoch < 0:
        faults.append(f"{HERE}: epoch = {epoch}: 0 is before training, 1 the first")
    if not with_losses and epoch > 0:
        faults.append(f"{HERE}: epoch {epoch} needs losses (0, before training, does not)")
    if not with_losses and score == "file":
        score = "loss_mean"  # of which there is none yet, so that samples are drawn
    at_random = epoch == 0 and score in SCORES and not SCORES[score].is_given
    if at_random and with_losses:
        faults.append(
            f"{HERE}: epoch 0 with score {score} draws samples at random and reads no losses; "
            "score file chooses by them"
        )
    read = "ratio" if at_random else RULES[rule].amount if rule in RULES else None
    for name, amount in {"ratio": ratio, "std": std}.items():
        if name == read and amount is None:
            reader = "epoch 0 without losses" if at_random else f"rule {rule}"
            faults.append(f"{HERE}: {reader} needs {name}")
        elif read and name != read and amount is not None:
            faults.append(f"{HERE}: {name} = {amount}: nothing reads it here")
    if method == NO_CURATION:
        faults.append(f"{HERE}: method {NO_CURATION} curates nothing")
    curation = validate(
        Curation,
        {
            "method": method,
            "schedule": "dynamic" if epoch else "static",
            "score": score,
            "rule": rule,
            "ratio": UNREAD if ratio is None else ratio,
            "std": UNREAD if std is None else std,
            "pair_with": pair_with,
        },
        HERE,
        faults,
    )
    details = validate(
        CurationDetails,
        {"rounding": rounding, "easier_captions": easier_captions},
        HERE,
        faults,
    )
    if faults or curation is None or details is None:
        raise InputError("\n".join(faults))
    return curation, details
