"""What the annotators' page refuses, hides and keeps out, without a browser."""

import json
import re
import resource
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from caption_curation.human_study.annotation_page.app import create_app
from caption_curation.human_study.annotation_page.study_set import load_set
from caption_curation.human_study.annotations.categories import CATEGORY_VERSION
from caption_curation.human_study.annotations.records import Annotation, read
from caption_curation.serving.server import PASSWORD
from tests.commands.console import console
from tests.human_study.page_sets import LOSS, read_page, write_page, write_study

TIME = "2026-11-21T10:00:00+00:00"


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    return write_study(tmp_path, images=6)


def client_of(sets: Path, **options: Any) -> FlaskClient:
    defaults = {"annotator": None, "password": None, "local_only": True}
    app = create_app(load_set(sets, 1), sets.parent / "annotations", **{**defaults, **options})
    return app.test_client()


def form_of(sets: Path, code: str = "ANNA", position: int = 1, **values: Any) -> dict[str, Any]:
    image = load_set(sets, 1).order_for(code)[position - 1]
    fields = {"image_id": image.image_id, "version": CATEGORY_VERSION, "shown_at": TIME}
    return {**fields, "go": "next", **values}


def annotate_by_hand(folder: Path, code: str = "ANNA", **values: Any) -> Path:
    record = {
        "set": 1,
        "image_id": "image-00",
        "annotator": code,
        "categories": ["people/age"],
        "no_error": False,
        "comment": "",
        "category_version": CATEGORY_VERSION,
        "shown_at": TIME,
        "saved_at": TIME,
    }
    path = folder / f"{code}.jsonl"
    folder.mkdir(exist_ok=True)
    with path.open("a") as lines:
        lines.write(json.dumps({**record, **values}) + "\n")
    return path


def saved(sets: Path, code: str = "ANNA") -> list[Annotation]:
    return read(sets.parent / "annotations" / f"{code}.jsonl")[0]


def test_no_page_reveals_a_loss_or_another_place_in_the_set(sets: Path) -> None:
    client = client_of(sets)
    for path in ("", "1", "6", "6/image", "end", "manifest.json", "../manifest.json", "7", "0"):
        body = client.get(f"/annotator/ANNA/{path}").data
        assert str(LOSS).encode() not in body
    for path in ("/manifest.json", "/static/../../../manifest.json", "/static/%2e%2e/app.py"):
        assert client.get(path).status_code == 404
    answer = client.get("/annotator/ANNA/1/image")
    assert answer.mimetype == "image/jpeg"
    assert "image-0" not in str(answer.headers)


def test_the_order_is_the_annotators_own_and_stays(sets: Path) -> None:
    def order(code: str) -> list[str]:
        return [image.image_id for image in load_set(sets, 1).order_for(code)]

    orders = [order(code) for code in ("ANNA", "BEN", "CARA")]
    assert orders[0] == order("ANNA")
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert all(sorted(order) == sorted(orders[0]) for order in orders)


def test_only_whole_and_clear_answers_are_saved(sets: Path) -> None:
    client = client_of(sets)
    for values, status, message in (
        ({}, 422, "Please mark what is wrong"),
        ({"comment": "hm"}, 422, "Please mark what is wrong"),
        (
            {"category": ["people/age"], "no_error": "on"},
            422,
            "cannot be combined with other marks",
        ),
        ({"category": ["people/age"], "comment": "x" * 2001}, 422, "at most 2000"),
        ({"category": ["people/shoes"]}, 400, "people/shoes"),
        ({"no_error": "on", "go": "elsewhere"}, 400, "elsewhere"),
        ({"no_error": "on", "go": "8"}, 400, "next, back or a position"),
        ({"no_error": "on", "image_id": "image-99"}, 409, "changed while this page was open"),
        ({"no_error": "on", "version": "0"}, 409, "changed while this page was open"),
        ({"no_error": "on", "shown_at": "noon"}, 400, "shown_at"),
        ({"no_error": "on", "comment": "x" * 70_000}, 413, "exceeds"),
    ):
        answer = client.post("/annotator/ANNA/1", data=form_of(sets, **values))
        assert (answer.status_code, message in answer.text) == (status, True), values
    assert saved(sets) == []

    left = client.post("/annotator/ANNA/1", data=form_of(sets, go="4"))  # for later
    assert left.location == "/annotator/ANNA/4"
    assert saved(sets) == []


def test_an_image_is_saved_once_and_again_when_it_changes(sets: Path) -> None:
    client = client_of(sets)
    for go, target in (("next", "2"), ("back", ""), ("6", "6"), ("7", "end")):
        form = form_of(sets, no_error="on", comment=" two\r\nlines ", go=go, shown_at=TIME)
        answer = client.post("/annotator/ANNA/1", data=form)
        assert (answer.status_code, answer.location) == (303, f"/annotator/ANNA/{target}")
    path = sets.parent / "annotations/ANNA.jsonl"
    assert len(path.read_text().splitlines()) == 1
    later = "2026-11-21T11:00:00+00:00"
    form = form_of(sets, category=["general/text", "people/age"], shown_at=later)
    client.post("/annotator/ANNA/1", data=form)
    assert len(path.read_text().splitlines()) == 2
    assert json.loads(path.read_text().splitlines()[0])["comment"] == "two\nlines"
    (annotation,) = saved(sets)
    assert (annotation.categories, annotation.shown_at) == (("people/age", "general/text"), TIME)
    emptied = client.post("/annotator/ANNA/1", data=form_of(sets, go="back"))
    assert emptied.status_code == 422  # a saved image cannot lose all its marks unnoticed


def test_a_full_disk_is_told_and_the_marks_stay_on_the_page(sets: Path) -> None:
    path = annotate_by_hand(sets.parent / "annotations")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
    try:
        answer = client_of(sets).post(
            "/annotator/ANNA/1", data=form_of(sets, category="general/text", comment="mine")
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert answer.status_code == 500
    assert "could not be saved" in answer.text
    assert "mine" in answer.text


def test_codes_are_checked(sets: Path) -> None:
    client = client_of(sets)
    for code in ("", "Anna Smith", "anna@example.org", "ä", "../BEN", "A" * 33):
        answer = client.post("/", data={"code": code})
        assert answer.status_code == 400
        assert "1 to 32 letters" in answer.text
    assert client.get("/annotator/a.b/1").status_code == 400
    assert client.post("/", data={"code": " BEN "}).location == "/annotator/BEN/"
    own = client_of(sets, annotator="ANNA")
    assert own.get("/").location == "/annotator/ANNA/"
    assert own.get("/annotator/BEN/1").status_code == 404
    assert not (sets.parent / "annotations").exists()


def test_other_sites_cannot_use_the_page(sets: Path) -> None:
    client = client_of(sets)
    form = form_of(sets, no_error="on")
    foreign = {"Origin": "https://elsewhere.example"}
    assert client.post("/annotator/ANNA/1", data=form, headers=foreign).status_code == 403
    assert client.get("/", headers={"Host": "elsewhere.example:8000"}).status_code == 403
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        assert client.get("/", headers={"Host": host}).status_code == 200
    assert saved(sets) == []
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_password_opens_everything_or_nothing(sets: Path) -> None:
    client = client_of(sets, password="eight or more", local_only=False)
    form = form_of(sets, no_error="on")
    for path in ("/", "/annotator/ANNA/", "/annotator/ANNA/1", "/annotator/ANNA/1/image"):
        assert client.get(path).location.startswith("/password")
    assert client.post("/annotator/ANNA/1", data=form).location.startswith("/password")
    assert client.post("/password", data={"password": "eight"}).status_code == 403
    assert saved(sets) == []
    assert client.get("/static/page.css").status_code == 200  # the page that asks looks right
    for target, led_to in (
        ("/annotator/ANNA/1", "/annotator/ANNA/1"),
        ("//elsewhere.example", "/"),
        ("/\\elsewhere.example", "/"),
        ("https://elsewhere.example", "/"),
    ):
        answer = client.post(f"/password?next={target}", data={"password": "eight or more"})
        assert answer.location == led_to
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
    assert client.get("/annotator/ANNA/1").status_code == 200
    assert client.post("/annotator/ANNA/1", data=form).location == "/annotator/ANNA/2"


@contextmanager
def used_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def start(sets: Path, *options: str) -> str:
    """The message of the command on a port that is in use, where it would begin to serve."""
    with used_port() as port:
        words = ["--set", "1", "--host", "127.0.0.1", "--port", str(port), *options]
        folders = ["--sets", sets, "--annotations", sets.parent / "annotations"]
        ended = console("annotate", *folders, *words)
    assert ended.status == (2 if "--help" in ended.err else 1)
    return ended.err


def test_a_port_in_use_is_named(sets: Path) -> None:
    assert re.search(r"error: port \d+ of 127.0.0.1 is in use.*--port", start(sets))


def test_what_cannot_be_used_is_said_and_the_rest_is(sets: Path) -> None:
    path = annotate_by_hand(sets.parent / "annotations")
    annotate_by_hand(sets.parent / "annotations", image_id="gone-7")
    annotate_by_hand(sets.parent / "annotations", "BEN", annotator="CARA")
    with path.open("a") as lines:
        lines.write('{"set": 1, "image_id": "image-0')
    notes = start(sets)
    assert "in use" in notes
    assert "ANNA.jsonl, line 3: not used" in notes
    assert "1 annotation(s) of images that are not in set 1, not used: 'gone-7'" in notes
    assert "BEN.jsonl: annotations under a code other than" in notes
    page = client_of(sets).get("/annotator/ANNA/")
    assert "1 of 6 are annotated" in page.text
    assert "are annotated" not in client_of(sets).get("/annotator/BEN/").text


def test_another_version_of_the_categories_is_not_mixed(sets: Path) -> None:
    folder = sets.parent / "annotations"
    annotate_by_hand(folder, "BEN", category_version="0", categories=["people/hats"])
    annotate_by_hand(folder, "CARA", category_version="0", set=4)
    assert re.search(r"(?s)version 1.*--annotations.*BEN.jsonl: version 0\n$", start(sets))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--set", "7"), r"set 7: no file .*; sets in .*: 1"),
        (("--sets", "nowhere"), r"sets in nowhere: none"),
        (("--annotator", "a b"), r"annotator code 'a b'"),
        (("--host", "0.0.0.0"), "a password of at least 8 characters .*CAPTION_CURATION_PASSWORD"),
        (("--host", "nowhere.invalid"), "a password of at least 8"),
        (("--port", "99999"), r"'--port': .*65535"),
    ],
)
def test_bad_options(sets: Path, options: tuple[str, ...], message: str) -> None:
    assert re.search(message, start(sets, *options))


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost"])
def test_a_password_may_not_be_short(
    sets: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv(PASSWORD, "short")
    assert re.search(
        r"PASSWORD.* has 5 characters; at least 8 characters", start(sets, "--host", host)
    )


def test_all_faults_of_a_set_are_listed(sets: Path) -> None:
    page = read_page(sets)
    page["images"][0]["loss"] = LOSS
    page["images"][1]["references"] = []
    del page["images"][2]["image_id"]
    write_page(sets, page)
    assert re.search(r"(?s)\(3\).*images.0.: loss.*1.: references.*2.: image_id", start(sets))


def test_files_outside_of_the_set_are_refused(sets: Path) -> None:
    (sets / "set_1/images/text.jpg").write_text("no image")
    for outside in ("set_1/secret.jpg", "secret.jpg"):
        shutil.copyfile(sets / "set_1/images/image-05.jpg", sets / outside)
    page = read_page(sets)
    for image, file in zip(
        page["images"],
        ("../secret.jpg", "images/../secret.jpg", "images/text.jpg"),
        strict=False,
    ):
        image["file"] = file
    page["images"][3]["file"] = "images/gone.jpg"
    page["set"] = 4
    write_page(sets, page)
    message = start(sets)
    assert "(5)" in message
    for part in ("set = 4", "'../secret.jpg'", "'images/../secret.jpg'", "text.jpg", "gone.jpg"):
        assert part in message
