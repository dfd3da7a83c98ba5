"""The table of methods for a paper that loads booktabs."""

from collections.abc import Mapping, Sequence
from textwrap import wrap

from caption_curation.paper.numbers import remarks
from caption_curation.reports.comparison.held_for import generators_sentence
from caption_curation.reports.comparison.tables import Row, best_variants
from caption_curation.reports.page.labels import METRIC_LABELS
from caption_curation.reports.page.statistics import Estimate


def to_latex(rows: Sequence[Row], metrics: Sequence[str], setting: str) -> str:
    """Differences to no curation in the first metric, then all scores; both times 100.

    Where the paper prints the same setting, its numbers are in a line below.

    Args:
        rows: of the table.
        metrics: in order, at least one.
        setting: of the runs.
    """
    best = best_variants(rows)
    main, label = metrics[0], _escape(METRIC_LABELS[metrics[0]])
    has_paper = any(row.paper for row in rows)
    several = any(len(row.generators) > 1 for row in rows)
    heads = ["Method", "Samples", "Seeds", f"$\\Delta$ {label}", "over images"]
    heads[3:3] = ["Generators"] if several else []
    heads += ["over seeds and generators"] if several else []
    lines = [
        "% \\usepackage{booktabs}",
        f"% Profile {_escape(setting)}, test split, everything times 100. Scores: mean over seeds",
        "% and 95\\,\\% confidence interval (Student's t); one seed has none. Delta: difference to",
        "% no curation, paired by seed, with the same interval; over images: its 95\\,\\% interval",
        "% over resamples of the test images (bootstrap), which says nothing of seeds: it holds",
        "% for this one training of each seed. Bold: the highest mean over the seeds that all rows",
        "% have, without rows of one seed if others have more.",
        *(f"% {line}" for line in wrap(_escape(generators_sentence(rows)), 96)),
        *(f"% Paper: {remark}" for remark in remarks("table_2") if has_paper),
        f"\\begin{{tabular}}{{ll{'r' * (len(heads) - 2 + len(metrics))}}}",
        "\\toprule",
        " & ".join([*heads, *(_escape(METRIC_LABELS[metric]) for metric in metrics)]) + " \\\\",
        "\\midrule",
    ]
    for row in rows:
        names = map(_escape, (row.variant.method_label.capitalize(), row.variant.choice_label))
        difference, images = row.to_none.get(main), row.over_images.get(main)
        cells = [
            *names,
            str(len(row.seeds)),
            *([str(len(row.generators) or "--")] if several else []),
            _estimate(difference, "+", False) if difference else "--",
            f"$[{_number(images[0], '+')}, {_number(images[1], '+')}]$" if images else "--",
            *([_over_both(difference)] if several else []),
            *(
                _estimate(value, "", row.variant in best[metric]) if value else "--"
                for metric in metrics
                for value in [row.scores.get(metric)]
            ),
        ]
        lines.append(" & ".join(cells) + " \\\\")
        if row.paper:
            lines.append(
                _paper_line(row.paper.scores, row.paper.to_none.get(main), metrics, several)
            )
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _over_both(difference: Estimate | None) -> str:
    width = difference.half_width_over_both if difference else None
    return "--" if width is None else f"$\\pm {_number(width)}$"


def _paper_line(
    scores: Mapping[str, float],
    difference: float | None,
    metrics: Sequence[str],
    has_generators: bool,
) -> str:
    cells = [
        *("\\quad paper", "", ""),
        *(["--"] if has_generators else []),
        "--" if difference is None else f"${_number(difference, '+')}$",
        *(["--"] * (2 if has_generators else 1)),
        *(f"${_number(scores[metric])}$" if metric in scores else "--" for metric in metrics),
    ]
    return " & ".join(cells) + " \\\\"


def _estimate(value: Estimate, sign: str, is_best: bool) -> str:
    mean = _number(value.mean, sign)
    number = f"\\mathbf{{{mean}}}" if is_best else mean
    if value.half_width is not None:
        number += f" \\pm {_number(value.half_width)}"
    return f"${number}$"


def _number(value: float, sign: str = "") -> str:
    return f"{100 * value:{sign}z.1f}"


def _escape(text: str) -> str:
    for character in "\\&%$#_{}":
        replacement = "\\textbackslash " if character == "\\" else f"\\{character}"
        text = text.replace(character, replacement)
    return text
