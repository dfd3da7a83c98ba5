"""The figures have labelled axes, draw what they are given, and are the same every time."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from caption_curation.reports.page.labels import (
    EDIT_LABELS,
    METHOD_COLOURS,
    METRIC_LABELS,
    RANDOM_COLOUR,
    method_colour,
)
from caption_curation.reports.page.style import to_svg
from caption_curation.reports.run.figures import (
    caption_lengths,
    edits_per_epoch,
    loss_distributions,
    validation_curves,
)

ROWS = [{"epoch": epoch, **dict.fromkeys(METRIC_LABELS, 0.1 * epoch)} for epoch in (1, 2, 3)]
COUNTS = {
    1: {"removed": 0, "replaced_caption": 3, "replaced_image": 0, "kept": 1, "rejected": 0},
    2: {"removed": 0, "replaced_caption": 2, "replaced_image": 0, "kept": 2, "rejected": 0},
}
BLUE = METHOD_COLOURS["replace_image"]

WITHOUT_METEOR = [{**row, "meteor": None} for row in ROWS]
FIGURES: dict[str, Callable[[], Figure]] = {
    "validation": lambda: validation_curves(ROWS, 2, BLUE),
    "validation_of_one_epoch": lambda: validation_curves(ROWS[:1], 1, BLUE),
    "validation_without_meteor": lambda: validation_curves(WITHOUT_METEOR, 2, BLUE),
    "losses": lambda: loss_distributions(
        {1: [1.0, 2.0, 3.0], 2: [0.5, 0.6]}, {1: [3.0]}, unit="nats", deviations=2, colour=BLUE
    ),
    "losses_that_are_all_equal": lambda: loss_distributions(
        {1: [1.0, 1.0]}, {}, unit="nats", deviations=2, colour=BLUE
    ),
    "edits": lambda: edits_per_epoch(COUNTS),
    "edits_before_training": lambda: edits_per_epoch({0: COUNTS[1]}),
    "lengths": lambda: caption_lengths({1: [3, 4], 2: [90]}, {1: [5], 2: []}, BLUE),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_axis_says_what_it_shows(name: str) -> None:
    axes = FIGURES[name]().axes

    assert axes
    assert all(ax.get_ylabel() for ax in axes)
    # Rows of a figure share the x axis of the lowest.
    shared = name.startswith(("losses", "lengths"))
    assert all(ax.get_xlabel() for ax in (axes[-1:] if shared else axes))


@pytest.mark.parametrize("name", FIGURES)
def test_svg_is_the_same_every_time_and_asks_for_nothing(name: str) -> None:
    svg = to_svg(FIGURES[name](), 'a "quoted" <description>')

    assert svg == to_svg(FIGURES[name](), 'a "quoted" <description>')
    assert svg.startswith('<svg role="img" aria-label="a &quot;quoted&quot; &lt;description&gt;"')
    assert not re.findall(r'(?:src|href)="(?!#)', svg)
    assert "currentColor" in svg and "#000000" not in svg


def test_the_curve_shows_the_scores_times_100_and_marks_the_best_epoch() -> None:
    main = validation_curves(ROWS, 2, BLUE).axes[0]
    curve, best = main.lines

    assert np.asarray(curve.get_ydata()) == pytest.approx([10, 20, 30])
    assert np.asarray(best.get_xydata()) == pytest.approx(np.array([[2, 20]]))
    assert main.texts[0].get_text() == "best: 20.0"


def test_a_metric_without_numbers_has_no_panel() -> None:
    labels = [
        {axes.get_ylabel() for axes in validation_curves(rows, 2, BLUE).axes}
        for rows in (ROWS, WITHOUT_METEOR)
    ]
    assert labels[0] - labels[1] == {"METEOR (× 100)"}


def test_the_bars_of_a_histogram_are_all_samples_and_the_lines_their_mean_and_deviation() -> None:
    losses = [1.0, 2.0, 3.0, 6.0]  # mean 3, population variance (4 + 1 + 0 + 9) / 4
    axes = loss_distributions({1: losses}, {1: [6.0]}, unit="nats", deviations=2, colour=BLUE).axes

    heights = {
        label: sum(bar.get_height() for bar in container)
        for container, label in zip(axes[0].containers, ["all", "chosen"], strict=True)
    }
    assert heights == {"all": pytest.approx(100), "chosen": pytest.approx(25)}
    positions = [np.asarray(line.get_xdata())[0] for line in axes[0].lines]
    assert positions == pytest.approx([3.0, 3.0 + 2 * 3.5**0.5])


def test_bars_are_stacked_by_kind_of_edit() -> None:
    containers = edits_per_epoch(COUNTS).axes[0].containers

    assert [container.get_label() for container in containers] == [
        EDIT_LABELS["replaced_caption"],
        EDIT_LABELS["kept"],
    ]
    assert [[bar.get_height() for bar in container] for container in containers] == [[3, 2], [1, 2]]
    assert [bar.get_y() for bar in containers[1]] == [3, 2]
    # What was turned down is there only where something was, and looks like no other kind.
    rejected = edits_per_epoch({1: {**COUNTS[1], "rejected": 5}}).axes[0].containers
    assert [container.get_label() for container in rejected][2:] == [EDIT_LABELS["rejected"]]
    assert len({bars[0].get_hatch() for bars in rejected}) == 3
    assert (rejected[2][0].get_y(), rejected[2][0].get_height()) == (4, 5)


def test_a_method_has_one_colour_and_the_random_control_its_own() -> None:
    assert len(set(METHOD_COLOURS.values())) == len(METHOD_COLOURS)
    assert method_colour("remove", "loss_mean") == METHOD_COLOURS["remove"]
    assert method_colour("remove", "random") == RANDOM_COLOUR
    assert method_colour("none", "random") == METHOD_COLOURS["none"]
    bars = edits_per_epoch(COUNTS).axes[0].containers[0]
    assert to_hex(bars[0].get_facecolor()).upper() == METHOD_COLOURS["replace_caption"]
