"""What a reviewer is shown, what is saved, and what comes of it in the stages."""

import io
import json
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from caption_curation import paths
from caption_curation.edits import Edit, read_edits, read_proposals
from caption_curation.experiments.results import results_of
from caption_curation.review.app import create_app
from caption_curation.review.chosen import Chosen, Filter, read_chosen
from caption_curation.review.decisions_file import Decided, DecisionsFile
from caption_curation.samples import read_losses, read_samples
from stages import settle
from tests.conftest import set_inputs
from tests.review.workspaces import CAPTIONED, SECRET, picture, run_workspace
from tests.small_epochs import METHODS, run_epoch

FILE = Path("mine.jsonl")


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The workspace of a run with this method, in which epoch 1 is settled."""
    with run_workspace(tmp_path / "run", method=request.param, ratio=0.4):
        set_inputs(Path(), decisions=FILE)
        FILE.touch()
        yield request.param


@pytest.fixture
def images(tmp_path: Path) -> Iterator[None]:
    """The same with one method."""
    with run_workspace(tmp_path / "run", method="replace_image", ratio=0.4):
        yield


def client_of(**options: Any) -> FlaskClient:
    chosen = read_chosen(results_of(None), 1)
    defaults = {"next_command": "dvc repro", "password": None, "local_only": True}
    return create_app(chosen, DecisionsFile(FILE, 1), **{**defaults, **options}).test_client()


def rows(client: FlaskClient, **query: Any) -> list[dict[str, Any]]:
    answer = client.get("/samples", query_string=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["rows"]  # type: ignore[index]
    return found


def decide(client: FlaskClient, name: str, decision: Any, instead_of: Any = None) -> Any:
    form = {"sample_id": name, "decision": decision, "instead_of": instead_of}
    return client.post("/decide", json=form)


def named(decision: str, caption: str = "") -> dict[str, str]:
    return {"decision": decision, "caption": caption}


def saved() -> list[dict[str, Any]]:
    return [json.loads(line) for line in FILE.read_text().splitlines()]


def test_every_chosen_sample_is_shown_as_the_stages_left_it(method: str) -> None:
    client = client_of()
    shown = rows(client)
    proposals = read_proposals(paths.proposals(1))
    edits = {edit.sample_id: edit for edit in read_edits(paths.edits(1))}
    losses = {loss.sample_id: loss.loss_mean for loss in read_losses(paths.losses(1))}
    captions = {image.image_id: image.captions for image in CAPTIONED}
    current = {sample.sample_id: sample for sample in read_samples(paths.samples(0))}
    assert [row["sample_id"] for row in shown] == [each.sample_id for each in proposals]
    for row in shown:
        edit = edits[row["sample_id"]]
        before, after = edit.before, edit.after
        assert (row["action"], row["caption"]) == (edit.action, before.caption)
        assert row["proposed"] == (after and after.caption)
        assert row["evidence"] == {"score": losses[edit.sample_id]}
        assert row["decided"] is None
        others = [c for c in captions[before.image_id] if c != before.caption]
        assert [each["caption"] for each in row["siblings"]] == others
        for each in row["siblings"]:
            (name,) = (n for n, sample in current.items() if sample.caption == each["caption"])
            assert each["loss"] == losses[name]
        if row["words"]:
            old, new = ([word for word, _ in words] for words in row["words"])
            assert (" ".join(old), " ".join(new)) == (before.caption, after and after.caption)
            assert any(differs for words in row["words"] for _, differs in words)
        for which, state in (("before", before), ("after", after)):
            answer = client.get(f"/image/{row['number']}/{which}")
            if which == "after" and method != "replace_image":
                assert answer.status_code == 404
                continue
            assert answer.mimetype == "image/png"  # of a picture so small, every pixel
            name = Path(str(state and state.file)).stem
            seen, expected = (
                np.asarray(Image.open(io.BytesIO(data))) for data in (answer.data, picture(name))
            )
            assert np.array_equal(seen, expected)
    page = client.get("/").text
    assert f"of {len(shown)} decided" in page
    assert SECRET not in page + client.get("/samples").text


def test_what_people_decide_is_done_and_what_they_reject_is_not_proposed_again(
    method: str,
) -> None:
    before = {epoch: paths.edits(epoch).read_bytes() for epoch in (0, 1)}
    proposed = paths.proposals(1).read_bytes()
    client = client_of()
    names = [row["sample_id"] for row in rows(client) if row["action"] != "keep"]
    accepted, rejected, removed, reworded, undone = names[:5]
    for name, decision in (
        (accepted, named("accept")),
        (rejected, named("reject")),
        (removed, named("remove")),
        (reworded, named("caption", "  a caption\nof mine ")),
        (undone, named("reject")),
    ):
        assert decide(client, name, decision).status_code == 200
    assert decide(client, undone, None, named("reject")).json["done"] == 4

    for epoch in (0, 1):  # what `dvc repro` runs: the stages that depend on the file
        settle.main(epoch)
    assert paths.edits(0).read_bytes() == before[0]
    assert paths.edits(1).read_bytes() != before[1]
    assert paths.proposals(1).read_bytes() == proposed
    edits = {edit.sample_id: edit for edit in read_edits(paths.edits(1))}
    now = {sample.sample_id: sample for sample in read_samples(paths.samples(1))}
    by = {name: edit.decided_by for name, edit in edits.items()}
    assert {name for name in by if by[name] == "person"} == set(names[:4])
    assert edits[accepted].accepted and now.get(accepted) == edits[accepted].after
    assert not edits[rejected].accepted and now[rejected] == edits[rejected].before
    assert removed not in now
    assert now[reworded].caption == "a caption of mine"
    assert now[reworded].file == edits[reworded].before.file
    assert now.get(undone) == edits[undone].after

    for epoch in (2, 3):
        run_epoch(epoch, content=picture)
        for edit in read_edits(paths.edits(epoch)):
            if edit.sample_id == rejected and edit.action != "keep":
                assert what_is_given(edit) != what_is_given(edits[rejected])
    # The page shows what is proposed, not what came of it.
    assert rows(client_of())[0]["caption"] == edits[rows(client)[0]["sample_id"]].before.caption


def what_is_given(edit: Edit) -> tuple[str, str | None, int | None]:
    after = edit.after
    return (edit.action, after.caption, after.replicate) if after else (edit.action, None, None)


def test_equal_decisions_are_equal_bytes_and_undoing_gives_back_those_of_before(
    images: None,
) -> None:
    FILE.write_text(
        '{"epoch": 2, "sample_id": "i0#0", "decision": "accept"}\n'
        '{"sample_id": "i1#0", "epoch": 0, "decision": "reject", "who": "Anna"}\n'
    )
    client = client_of()
    first, second, *_ = [row["sample_id"] for row in rows(client)]
    decide(client, first, named("accept"))
    one_way = FILE.read_bytes()
    decide(client, second, named("reject"))
    both = FILE.read_bytes()
    decide(client, first, None, named("accept"))
    decide(client, second, None, named("reject"))
    assert FILE.read_text().splitlines() == [
        '{"sample_id": "i1#0", "epoch": 0, "decision": "reject", "who": "Anna"}',
        '{"epoch": 2, "sample_id": "i0#0", "decision": "accept"}',
    ]
    decide(client, second, named("reject"))
    decide(client, first, named("accept"))
    assert FILE.read_bytes() == both != one_way
    epochs = [record["epoch"] for record in saved()]
    assert epochs == sorted(epochs) == [0, 1, 1, 2]


def test_several_reviewers_lose_nothing_of_each_other(images: None) -> None:
    """Two servers, three tabs: decisions on all samples come in from everywhere at once."""
    clients = [client_of(), client_of(), client_of()]
    names = [row["sample_id"] for row in rows(clients[0])]

    def work(number: int) -> None:
        for name in names[number::3]:
            assert decide(clients[number], name, named("reject")).status_code == 200

    with ThreadPoolExecutor(3) as people:
        list(people.map(work, range(3)))
    assert {record["sample_id"] for record in saved()} == set(names)
    for client in clients:
        assert {row["decided"]["decision"] for row in rows(client)} == {"reject"}

    stale = decide(clients[0], names[0], named("accept"))  # thinks that it is undecided
    assert stale.status_code == 409
    assert stale.json["decided"] == named("reject")
    assert "somebody else" in stale.json["message"].lower()
    assert decide(clients[1], names[0], named("accept"), named("reject")).status_code == 200


def test_nothing_is_saved_that_the_stages_would_refuse(images: None) -> None:
    client = client_of()
    row, *_ = rows(client)
    name = row["sample_id"]
    for form, status, message in (
        ({"sample_id": "z#0", "decision": named("accept")}, 404, "was not chosen"),
        ({"sample_id": 3, "decision": named("accept")}, 404, "was not chosen"),
        ([], 404, "was not chosen"),
        ({"sample_id": name, "decision": named("burn")}, 400, "decision"),
        ({"sample_id": name, "decision": 7}, 400, "decision"),
        ({"sample_id": name, "decision": named("caption")}, 400, "with a word in it"),
        ({"sample_id": name, "decision": named("caption", "...")}, 400, "with a word in it"),
        ({"sample_id": name, "decision": named("accept", "x")}, 400, "goes with no caption"),
        ({"sample_id": name, "decision": named("caption", "x" * 1001)}, 400, "at most 1000"),
        ({"sample_id": name, "decision": named("caption", row["caption"])}, 422, "reject"),
        ({"sample_id": name, "decision": named("caption", "x" * 70_000)}, 413, "exceeds"),
    ):
        answer = client.post("/decide", json=form, headers={"Accept": "application/json"})
        assert answer.status_code == status, form
        assert message in answer.json["message"], form  # type: ignore[index]
    as_form = {"sample_id": name, "decision": "accept"}
    assert client.post("/decide", data=as_form).status_code == 415
    foreign = {"Origin": "https://elsewhere.example"}
    json_form = {"sample_id": name, "decision": named("accept")}
    assert client.post("/decide", json=json_form, headers=foreign).status_code == 403
    assert client.get("/", headers={"Host": "elsewhere.example"}).status_code == 403
    assert not FILE.exists()
    assert "connect-src 'self'" in client.get("/").headers["Content-Security-Policy"]


def test_no_file_is_served_but_those_of_chosen_samples(images: None) -> None:
    client = client_of()
    number = len(rows(client))
    for path in (
        *(f"/image/{number}/before", "/image/-1/before", "/image/0/../../../params.yaml"),
        *("/image/0/other", "/image/params.yaml/before", "/static/../app.py", "/params.yaml"),
    ):
        assert client.get(path).status_code == 404, path
    with_password = client_of(password="eight or more", local_only=False)
    for path in ("/", "/samples", "/image/0/before"):
        assert with_password.get(path).location.startswith("/password")
    assert "password" in with_password.get("/password").text.lower()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"state": "maybe"}, "undecided"),
        ({"order": "random"}, "easiest"),
        ({"low": "much"}, "no number"),
        ({"high": "nan"}, "no number"),
        ({"after": "20"}, "no number of a sample"),
        ({"before": "-1"}, "no number of a sample"),
    ],
)
def test_questions_that_make_no_sense(images: None, query: dict[str, str], message: str) -> None:
    answer = client_of().get("/samples", query_string=query)
    assert answer.status_code == 400
    assert message in answer.text


def test_a_full_disk_is_told_and_what_was_saved_stays(images: None) -> None:
    client = client_of()
    first, second, *_ = [row["sample_id"] for row in rows(client)]
    decide(client, first, named("accept"))
    content = FILE.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content), hard))
    try:
        answer = decide(client, second, named("accept"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (answer.status_code, FILE.read_bytes()) == (500, content)
    assert "could not be saved" in answer.json["message"]
    assert [row["decided"] is None for row in rows(client)[:2]] == [False, True]


def test_a_file_that_somebody_spoils_meanwhile_is_not_written_over(images: None) -> None:
    client = client_of()
    name = rows(client)[0]["sample_id"]
    decide(client, name, named("accept"))
    spoilt = FILE.read_text() * 2 + "{\n"
    FILE.write_text(spoilt)
    for answer in (client.get("/samples"), decide(client, name, None, named("accept"))):
        assert answer.status_code == 400
        assert "line 3: not JSON" in answer.json["message"]  # type: ignore[index]
    assert FILE.read_text() == spoilt
    FILE.write_text("")
    assert rows(client)[0]["decided"] is None


CHOSEN_ORDER = ("hardest", "easiest", "sample")


@pytest.mark.parametrize("order", CHOSEN_ORDER)
def test_pages_pass_over_nothing_while_samples_are_decided(images: None, order: Any) -> None:
    chosen = read_chosen(results_of(None), 1)
    everything = whole(chosen, order)
    keys: dict[str, Any] = {
        "hardest": lambda number: -chosen.edits[number].evidence["score"],
        "easiest": lambda number: chosen.edits[number].evidence["score"],
        "sample": lambda number: chosen.edits[number].sample_id,
    }
    assert everything == sorted(everything, key=keys[order])
    decided: dict[str, Decided] = {}
    seen: list[int] = []
    after = None
    while True:
        part = chosen.part(Filter(state="undecided"), decided, order=order, size=3, after=after)
        assert part.begin == len(seen) - len(decided)
        if not part.numbers:
            break
        seen += part.numbers
        after = part.numbers[-1]
        decided |= {
            chosen.edits[number].sample_id: Decided("accept") for number in part.numbers[1:]
        }
    assert seen == everything
    back = chosen.part(Filter(), {}, order=order, size=3, before=everything[4])
    assert (list(back.numbers), back.begin) == (everything[1:4], 1)


def whole(chosen: Chosen, order: Any = "hardest", **wanted: Any) -> list[int]:
    decided = {chosen.edits[0].sample_id: Decided("caption", "x")}
    return list(chosen.part(Filter(**wanted), decided, order=order, size=99).numbers)


def test_filters(images: None) -> None:
    chosen = read_chosen(results_of(None), 1)
    edits = chosen.edits
    scores = [float(str(edit.score)) for edit in edits]
    everything = whole(chosen)
    assert whole(chosen, action="replace_image") == everything
    assert whole(chosen, action="remove") == []
    assert whole(chosen, state="decided") == whole(chosen, state="caption") == [0]
    assert whole(chosen, state="undecided") == everything[1:]
    assert whole(chosen, state="reject") == []
    assert whole(chosen, low=scores[2]) == [n for n in everything if scores[n] >= scores[2]]
    assert whole(chosen, high=scores[2]) == [n for n in everything if scores[n] <= scores[2]]
    assert whole(chosen, low=scores[2], high=scores[2]) == [
        n for n in everything if scores[n] == scores[2]
    ]
    word = edits[1].before.caption.upper()
    assert whole(chosen, text=word) == [
        n for n in everything if word.casefold() in edits[n].before.caption.casefold()
    ]
    assert whole(chosen, text=edits[2].sample_id) == [2]


def test_the_static_schedule_is_reviewed_before_training(tmp_path: Path) -> None:
    with run_workspace(tmp_path / "run", 1, method="replace_caption", schedule="static"):
        chosen = read_chosen(results_of(None), None)
        assert chosen.now.epoch == 0
        row = chosen.row(0, None)
        assert (row["evidence"], row["loss"]) == ({}, None)
        assert {each["loss"] for each in row["siblings"]} == {None}
        assert whole(chosen, low=-1e9) == []
