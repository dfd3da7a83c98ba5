"""The page in a real browser, against a real server process: by keyboard, by touch, in two tabs."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from caption_curation import paths
from caption_curation.edits import read_proposals
from tests.human_study.page_sets import MARKUP
from tests.pages import PHONE, served
from tests.review.workspaces import FORMULA, run_workspace

SMALLEST_TARGET = 44  # CSS pixels, for fingers
OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All samples but one are chosen, each for another caption."""
    folder = tmp_path_factory.mktemp("review") / "run"
    with run_workspace(folder, method="replace_image", ratio=0.99):
        yield folder


@pytest.fixture
def address(workspace: Path) -> Iterator[str]:
    file(workspace).unlink(missing_ok=True)
    with served(["review"], workspace) as found:
        yield found


def file(workspace: Path) -> Path:
    return workspace / "decisions.jsonl"


def saved(workspace: Path) -> dict[str, tuple[str, str]]:
    lines = file(workspace).read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return {each["sample_id"]: (each["decision"], each.get("caption", "")) for each in records}


def chosen() -> list[str]:
    return [proposal.sample_id for proposal in read_proposals(paths.proposals(1))]


def card(page: Page, name: str) -> Locator:
    return page.locator(f'.card[data-sample="{name}"]')


def here(page: Page) -> str:
    name = page.locator(".card[aria-current]").get_attribute("data-sample")
    assert name
    return name


def status(page: Page, name: str, text: str) -> None:
    expect(card(page, name).locator(".status")).to_contain_text(text)


def test_with_the_keyboard_alone(address: str, open_page: OpenPage, workspace: Path) -> None:
    page = open_page(address)
    names = chosen()
    expect(page.locator(".card")).to_have_count(len(names))
    assert here(page) == names[0]
    page.keyboard.press("a")
    status(page, names[0], "✓ accepted")
    page.keyboard.press("r")
    status(page, names[1], "✗ rejected")
    page.keyboard.press("x")
    status(page, names[2], "− removed")
    page.keyboard.press("c")
    page.keyboard.type("a caption <b>of</b> mine, arxu")
    page.keyboard.press("Enter")
    status(page, names[3], "✎ another caption")
    second = card(page, names[4]).locator(".siblings button").nth(1).text_content() or ""
    page.keyboard.press("2")
    status(page, names[4], "✎ another caption")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert here(page) == names[6]
    page.keyboard.press("c")
    page.keyboard.type("never saved")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    status(page, names[6], "✗ rejected")
    page.keyboard.press("k")
    page.keyboard.press("u")
    status(page, names[6], "undecided")
    expect(page.locator("#progress")).to_have_text(f"5 of {len(names)} decided")
    expected = {
        names[0]: ("accept", ""),
        names[1]: ("reject", ""),
        names[2]: ("remove", ""),
        names[3]: ("caption", "a caption <b>of</b> mine, arxu"),
        names[4]: ("caption", second),
    }
    assert saved(workspace) == expected

    page.reload()
    expect(page.locator("#progress")).to_have_text(f"5 of {len(names)} decided")
    for name, text in zip(
        names, ("✓ accepted", "✗ rejected", "− removed", "✎ another caption"), strict=False
    ):
        status(page, name, text)
    status(page, names[3], f"✎ another caption: {expected[names[3]][1]}")
    expect(card(page, names[3]).locator("[name=caption]")).to_have_value(expected[names[3]][1])
    pressed = card(page, names[1]).locator("[aria-pressed=true]")
    expect(pressed).to_have_attribute("data-decision", "reject")


def test_a_key_pressed_fast_decides_a_sample_each(
    address: str, open_page: OpenPage, workspace: Path
) -> None:
    page = open_page(address)
    names = chosen()
    expect(page.locator(".card")).to_have_count(len(names))
    for _ in range(len(names) + 1):  # the last one twice
        page.keyboard.press("r")
    expect(page.locator("#progress")).to_have_text(f"{len(names)} of {len(names)} decided")
    assert saved(workspace) == dict.fromkeys(names, ("reject", ""))


def test_a_killed_server_loses_nothing_and_is_missed(workspace: Path, open_page: OpenPage) -> None:
    file(workspace).unlink(missing_ok=True)
    names = chosen()
    with served(["review"], workspace) as first:
        page = open_page(first)
        expect(page.locator(".card")).to_have_count(len(names))
        page.keyboard.press("a")
        status(page, names[0], "✓ accepted")
    page.keyboard.press("a")
    expect(page.get_by_role("alert")).to_contain_text("nothing was saved")
    status(page, names[1], "undecided")
    assert saved(workspace) == {names[0]: ("accept", "")}
    with served(["review"], workspace) as second:
        status(open_page(second), names[0], "✓ accepted")


def test_two_tabs(address: str, open_page: OpenPage, workspace: Path) -> None:
    anna, ben = open_page(address), open_page(address)
    names = chosen()
    for page in (anna, ben):
        expect(page.locator(".card")).to_have_count(len(names))
    anna.keyboard.press("a")
    status(anna, names[0], "✓ accepted")
    ben.keyboard.press("r")  # who does not know yet
    expect(ben.get_by_role("alert")).to_contain_text("Somebody else has decided")
    status(ben, names[0], "✓ accepted")
    card(ben, names[1]).get_by_role("button", name="Reject").click()
    status(ben, names[1], "✗ rejected")
    assert saved(workspace) == {names[0]: ("accept", ""), names[1]: ("reject", "")}


def test_filters_and_what_is_shown(address: str, open_page: OpenPage) -> None:
    page = open_page(address)
    names = chosen()
    page.get_by_label("Text").fill("three")
    expect(page.locator(".card")).to_have_count(int("i3#2" in names))
    page.get_by_label("Text").fill("</script>")  # of a caption that would be markup
    expect(page.locator(".card")).to_have_count(int("i3#0" in names))
    page.get_by_label("Text").fill("")
    expect(page.locator(".card")).to_have_count(len(names))
    shown = card(page, "i3#2")
    texts = shown.locator(".siblings button").all_text_contents()
    assert texts == [MARKUP, FORMULA, "four", "five"]
    assert page.locator("main b, main script").count() == 0
    assert page.title() == "Review of epoch 1"
    shown.scroll_into_view_if_needed()
    for which in ("before", "after"):
        image = shown.locator(f"img.{which}")
        expect(image).to_have_class(re.compile("drawn"))
        assert image.evaluate("image => image.naturalWidth") == 40
    expect(shown.locator(".facts")).to_contain_text("nats per token · replace image")
    page.locator("[name=state]").select_option("decided")
    expect(page.locator("main")).to_have_text("No sample is like that.")


def test_on_a_phone(address: str, open_page: OpenPage, workspace: Path) -> None:
    page = open_page(address, **PHONE)
    names = chosen()
    expect(page.locator(".card")).to_have_count(len(names))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    first = card(page, names[0])
    for target in first.locator(".decide button").all():
        size = target.bounding_box()
        assert size and size["height"] >= SMALLEST_TARGET, target
    first.get_by_label("Another caption").fill("mine")
    first.get_by_role("button", name="Give it this caption").tap()
    status(page, names[0], "✎ another caption")
    assert saved(workspace) == {names[0]: ("caption", "mine")}


def test_on_paper_and_in_the_dark(address: str, open_page: OpenPage) -> None:
    def colours(page: Page) -> Any:
        return page.evaluate(
            "(({color, backgroundColor}) => [color, backgroundColor])"
            "(getComputedStyle(document.body))"
        )

    page = open_page(address, color_scheme="dark")
    expect(page.locator(".card").first).to_be_visible()
    dark = colours(page)
    page.emulate_media(media="print", color_scheme="dark")
    assert colours(page) != dark
    expect(page.locator("#filter")).to_be_hidden()
    expect(page.locator(".decide").first).to_be_hidden()
    expect(page.locator(".status").first).to_be_visible()
