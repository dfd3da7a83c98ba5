"""The annotators' page, used by clicking in a real browser, against a real server process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from caption_curation.human_study.annotations.categories import CATEGORIES, CATEGORY_IDS
from caption_curation.human_study.annotations.records import Annotation, read
from tests.conftest import REPOSITORY
from tests.human_study.page_sets import MARKUP, write_study
from tests.pages import PHONE, served

SMALLEST_TARGET = 44  # CSS pixels, for fingers


@contextmanager
def serving(sets: Path, annotations: Path, *options: str) -> Iterator[str]:
    """The address of a server of set 1 in a process of its own."""
    words = ["annotate", "--set", 1, "--sets", sets, "--annotations", annotations, *options]
    with served(words, REPOSITORY) as address:
        yield address


def follow(page: Page, use: Callable[[], None]) -> None:
    """Use a button, a link or a key that leads to another page, and wait for that page."""
    with page.expect_navigation():
        use()


def enter(page: Page, code: str) -> None:
    page.get_by_label("Your annotator code").fill(code)
    follow(page, page.get_by_role("button", name="Start").click)
    expect(page.get_by_role("heading", name="An example")).to_be_visible()


def begin(page: Page) -> None:
    follow(page, page.locator("#begin").click)


def image_id(page: Page) -> str:
    return page.locator("[name=image_id]").input_value()


def mark(page: Page, *categories: str) -> None:
    for category in categories:
        page.locator(f'label:has([value="{category}"])').click()


def save(page: Page) -> None:
    follow(page, page.locator("#next").click)


def saved(annotations: Path, code: str) -> dict[str, Annotation]:
    found, problems = read(annotations / f"{code}.jsonl")
    assert problems == []
    return {annotation.image_id: annotation for annotation in found}


def test_a_whole_set_is_annotated_by_clicking(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    """With a reload and a closed tab in the middle, and a way back."""
    sets, annotations = write_study(tmp_path, images=20), tmp_path / "annotations"
    expected: dict[str, tuple[str, ...]] = {}
    with serving(sets, annotations) as address:
        page = open_page(address)
        enter(page, "ANNA")
        begin(page)
        for position in range(1, 11):
            expect(page.get_by_role("heading", level=1)).to_have_text(f"{position} of 20")
            assert page.locator(".seen img").evaluate("image => image.naturalWidth") == 40
            here = image_id(page)
            assert page.locator(".references li").first.text_content() == f"Of {here}."
            expected[here] = CATEGORY_IDS[position : position + 2]
            mark(page, *expected[here])
            assert len(saved(annotations, "ANNA")) == position - 1
            save(page)
        mark(page, "people/age", "general/text")
        page.get_by_label("Comment").fill("the sign reads “STPO”")
        page.reload()
        assert page.locator("[name=category]:checked").count() == 2
        expect(page.get_by_label("Comment")).to_have_value("the sign reads “STPO”")
        page.locator("label:has([name=no_error])").click()
        assert page.locator("[name=category]:checked").count() == 0
        mark(page, "general/text")
        assert not page.locator("[name=no_error]").is_checked()
        expected[image_id(page)] = ("general/text",)
        page.context.close()  # the marks of image 11 are not saved yet

        page = open_page(address)
        enter(page, "ANNA")
        expect(page.locator("#begin")).to_have_text("Continue with image 11 of 20")
        begin(page)
        mark(page, *expected[image_id(page)])
        follow(page, page.get_by_role("button", name="Back").click)  # saves image 11 too
        expect(page.get_by_role("heading", level=1)).to_have_text("10 of 20 saved ✓")
        assert page.locator("[name=category]:checked").count() == 2
        page.locator("label:has([name=no_error])").click()
        expected[image_id(page)] = ()
        save(page)
        save(page)
        for position in range(12, 21):
            expect(page.get_by_role("heading", level=1)).to_have_text(f"{position} of 20")
            expected[image_id(page)] = ()
            page.locator("label:has([name=no_error])").click()
            save(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Thank you!")

    found = saved(annotations, "ANNA")
    assert {image_id: annotation.categories for image_id, annotation in found.items()} == expected
    assert all(annotation.no_error == (not annotation.categories) for annotation in found.values())
    assert list(expected) != sorted(expected)  # an order of the annotator's own
    assert len((annotations / "ANNA.jsonl").read_text().splitlines()) == 21  # image 10 twice


def test_two_annotators_and_two_servers_at_once(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    sets, annotations = write_study(tmp_path, images=4), tmp_path / "annotations"
    with (
        serving(sets, annotations) as shared,
        serving(sets, annotations, "--annotator", "ANNA") as own,
    ):
        anna, ben = open_page(shared), open_page(shared)
        for page, code in ((anna, "ANNA"), (ben, "BEN")):
            enter(page, code)
            begin(page)
        for _ in range(2):
            mark(anna, "main_object/wrong")
            mark(ben, "general/number")
            save(ben)
            save(anna)
        elsewhere = open_page(own)  # asks for no code
        expect(elsewhere.locator("#begin")).to_have_text("Continue with image 3 of 4")
        begin(elsewhere)
        for page, category in ((elsewhere, "people/age"), (ben, "general/number")):
            for _ in range(2):
                mark(page, category)
                save(page)
            expect(page.get_by_role("heading", level=1)).to_have_text("Thank you!")
        mark(anna, "general/text")  # the image that ANNA annotated in the other browser
        save(anna)
        expect(anna.get_by_role("heading", level=1)).to_have_text("4 of 4 saved ✓")
    ben_marked = {annotation.categories for annotation in saved(annotations, "BEN").values()}
    assert ben_marked == {("general/number",)}
    assert [annotation.categories for annotation in saved(annotations, "ANNA").values()] == [
        ("main_object/wrong",),
        ("main_object/wrong",),
        ("general/text",),
        ("people/age",),
    ]


def test_captions_and_comments_are_text(open_page: Callable[..., Page], tmp_path: Path) -> None:
    sets, annotations = write_study(tmp_path, images=2), tmp_path / "annotations"
    comment = f"</textarea>{MARKUP}\nand “quotes”"
    with serving(sets, annotations, "--annotator", "ANNA") as address:
        page = open_page(address)
        begin(page)
        assert page.locator(".references li").nth(1).text_content() == MARKUP
        mark(page, "general/text")
        page.get_by_label("Comment").fill(comment)
        save(page)
        follow(page, page.get_by_role("button", name="Back").click)
        expect(page.get_by_label("Comment")).to_have_value(comment)
        assert page.locator("main b, main script").count() == 0
        assert page.title() == "1 of 2"
    assert [annotation.comment for annotation in saved(annotations, "ANNA").values()] == [comment]


def test_on_a_phone(open_page: Callable[..., Page], tmp_path: Path) -> None:
    sets, annotations = write_study(tmp_path, images=2), tmp_path / "annotations"
    with serving(sets, annotations, "--annotator", "ANNA") as address:
        page = open_page(address, **PHONE)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        follow(page, page.locator("#begin").tap)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        for target in page.locator(".category label, .category .ask, footer button").all():
            size = target.bounding_box()
            assert size and size["height"] >= SMALLEST_TARGET, target
        last = page.locator(".category:has([value='general/generally_unrelated'])")
        expect(last.locator(".about")).to_be_hidden()
        last.locator(".ask").tap()
        expect(last.locator(".about")).to_have_text(CATEGORIES[-1].explanation)
        expect(last.locator(".about")).to_be_visible()
        expect(page.locator(".seen img")).to_be_in_viewport(ratio=1)  # beside the last category
        last.locator("label").tap()
        follow(page, page.locator("#next").tap)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.locator("label:has([name=no_error])").tap()
        follow(page, page.locator("#next").tap)
        expect(page.get_by_role("heading", level=1)).to_have_text("Thank you!")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
    marked = [annotation.categories for annotation in saved(annotations, "ANNA").values()]
    assert marked == [CATEGORY_IDS[-1:], ()]


def press(page: Page, key: str) -> None:
    follow(page, lambda: page.keyboard.press(key))


def test_with_the_keyboard_alone(open_page: Callable[..., Page], tmp_path: Path) -> None:
    sets, annotations = write_study(tmp_path, images=4), tmp_path / "annotations"
    with serving(sets, annotations, "--annotator", "ANNA") as address:
        page = open_page(address)
        page.locator("#begin").focus()
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("1 of 4")
        press(page, "Enter")  # nothing is marked
        expect(page.get_by_role("alert")).to_contain_text("Please mark")
        for key in ("a", "y", "a", "/", "a", "y", "Escape"):
            page.keyboard.press(key)
        press(page, "ArrowRight")
        expect(page.get_by_role("heading", level=1)).to_have_text("2 of 4")
        for key in ("g", "z"):
            page.keyboard.press(key)
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("3 of 4")
        press(page, "ArrowLeft")
        expect(page.get_by_role("heading", level=1)).to_have_text("2 of 4 saved ✓")
        about = page.locator(".category:has([value='people/age']) .about")
        expect(about).to_be_hidden()
        page.locator("[value='people/age']").hover()
        expect(about).to_be_visible()
        page.keyboard.press("Escape")
        expect(about).to_be_hidden()
    assert [
        (annotation.categories, annotation.no_error, annotation.comment)
        for annotation in saved(annotations, "ANNA").values()
    ] == [
        ((CATEGORY_IDS[-1],), False, "ay"),
        ((), True, ""),
    ]
