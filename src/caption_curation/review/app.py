"""The application: samples out, decisions in."""

from http import HTTPStatus
from math import isfinite
from typing import Any, Literal

from flask import Flask, Response, abort, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from caption_curation.corpora.captions import normalise_caption
from caption_curation.pictures.low_resolution import LOW_RESOLUTION_SIDE
from caption_curation.reports.page.html import small_picture
from caption_curation.review.chosen import ORDERS, STATES, Chosen, Filter, as_json
from caption_curation.review.decisions_file import (
    Decided,
    DecidedOtherwise,
    DecisionsFile,
    decided,
)
from caption_curation.serving.access import guard
from caption_curation.support.errors import InputError

PAGE = 40  # samples on a page
LONGEST_SIDE = 640  # pixels; larger photographs are made smaller
LONGEST_CAPTION = 1000  # characters


def create_app(
    chosen: Chosen,
    decisions: DecisionsFile,
    *,
    next_command: str,
    password: str | None,
    local_only: bool,
) -> Flask:
    """The application for the samples of one epoch.

    Args:
        chosen: the samples.
        decisions: the file that decisions about them are in.
        next_command: what does what was decided, for the page to say.
        password, local_only: see :func:`~caption_curation.serving.access.guard`.
    """
    app = Flask(__name__)
    guard(app, local_only=local_only, password=password)

    def progress() -> dict[str, int]:
        current = decisions.current()
        return {
            "done": len(current) - chosen.unchosen(current),
            "chosen": len(chosen.edits),
        }

    @app.get("/")
    def start() -> str:
        return render_template(
            "review.html",
            chosen=chosen,
            done=progress()["done"],
            unchosen=chosen.unchosen(decisions.current()),
            file=decisions.path,
            next_command=next_command,
            longest_caption=LONGEST_CAPTION,
            low_resolution=LOW_RESOLUTION_SIDE,
        )

    @app.get("/samples")
    def samples() -> Response:
        current = decisions.current()
        part = chosen.part(
            Filter(
                _text("action"),
                _one_of("state", STATES),
                _limit("low"),
                _limit("high"),
                _text("text"),
            ),
            current,
            order=_one_of("order", ORDERS),
            size=PAGE,
            after=_number("after", chosen),
            before=_number("before", chosen),
        )
        rows = [
            chosen.row(number, current.get(chosen.edits[number].sample_id))
            for number in part.numbers
        ]
        return jsonify(rows=rows, begin=part.begin, total=part.total, **progress())

    @app.get("/image/<int:number>/<any(before, after):which>")
    def image(number: int, which: Literal["before", "after"]) -> Response:
        # By number: no path comes from a browser.
        path = chosen.image(number, which) if number < len(chosen.edits) else None
        if path is None:
            abort(404, f"There is no image {which} of sample {number}.")
        picture = small_picture(path, LONGEST_SIDE)
        answer = Response(picture.data, mimetype=picture.kind)
        answer.headers["Cache-Control"] = "no-cache"
        answer.add_etag()
        answer.make_conditional(request)
        return answer

    @app.post("/decide")
    def decide() -> Response | tuple[Response, int]:
        form: Any = request.get_json()  # only of that content type, which no other site can send
        name = form.get("sample_id") if isinstance(form, dict) else None
        if not isinstance(name, str) or name not in chosen.numbers:
            abort(404, f"Sample {name!r} was not chosen after this epoch.")
        epoch = chosen.now.epoch
        wanted = _normalised(decided(form.get("decision"), epoch, name))
        if wanted and wanted.caption == chosen.edits[chosen.numbers[name]].before.caption:
            abort(422, "The sample has this caption: reject what is proposed instead.")
        try:
            decisions.decide(name, wanted, instead_of=decided(form.get("instead_of"), epoch, name))
        except DecidedOtherwise as otherwise:
            answer = jsonify(message=f"{otherwise}.".capitalize(), decided=as_json(otherwise.now))
            return answer, HTTPStatus.CONFLICT
        return jsonify(decided=as_json(wanted), **progress())

    @app.errorhandler(InputError)
    def bad_input(error: InputError) -> tuple[Response, int]:
        return jsonify(message=str(error)), HTTPStatus.BAD_REQUEST

    @app.errorhandler(OSError)
    def unwritable(error: OSError) -> tuple[Response, int]:
        answer = jsonify(message=f"This could not be saved: {error}")
        return answer, HTTPStatus.INTERNAL_SERVER_ERROR

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> tuple[Response | str, int]:
        code = error.code or 500
        if request.accept_mimetypes.accept_html:
            return render_template("message.html", message=error.description), code
        return jsonify(message=error.description), code

    return app


def _normalised(wanted: Decided | None) -> Decided | None:
    if wanted is None or not wanted.caption:
        return wanted
    caption, _ = normalise_caption(wanted.caption)
    if len(caption) > LONGEST_CAPTION:
        raise InputError(f"The caption is too long: at most {LONGEST_CAPTION} characters.")
    return Decided(wanted.decision, caption)


def _text(name: str) -> str:
    return request.args.get(name, "").strip()


def _one_of(name: str, allowed: tuple[Any, ...]) -> Any:
    value = request.args.get(name, allowed[0])
    if value not in allowed:
        abort(400, f"{name} = {value!r}: allowed: {', '.join(allowed)}")
    return value


def _limit(name: str) -> float | None:
    text = _text(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        abort(400, f"{name} = {text!r} is no number")
    return value


def _number(name: str, chosen: Chosen) -> int | None:
    text = _text(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text) < len(chosen.edits)):
        abort(400, f"{name} = {text!r} is no number of a sample")
    return int(text)
