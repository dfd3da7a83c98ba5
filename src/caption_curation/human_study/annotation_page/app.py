"""The web application: pages in, annotations out. It reads a set's folder and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from string import ascii_lowercase

from flask import Flask, abort, redirect, render_template, request, send_file, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from caption_curation.human_study.annotation_page.progress import annotation_file, annotations_of
from caption_curation.human_study.annotation_page.study_set import PageImage, StudySet
from caption_curation.human_study.annotations.categories import (
    CATEGORIES,
    CATEGORY_IDS,
    CATEGORY_VERSION,
)
from caption_curation.human_study.annotations.records import Annotation, append, check_code
from caption_curation.pictures.low_resolution import is_low_resolution
from caption_curation.pictures.reading import read_header
from caption_curation.serving.access import guard
from caption_curation.support.errors import InputError

LONGEST_COMMENT = 2000  # characters

# 25 categories have the letters a to y, and "no error" has z.
KEYS = dict(zip(CATEGORY_IDS, ascii_lowercase, strict=False))
GROUPS = [
    (name, list(group)) for name, group in groupby(CATEGORIES, key=lambda category: category.group)
]


@dataclass(frozen=True)
class Marks:
    """What a form says about an image; it may be empty or contradict itself."""

    categories: tuple[str, ...] = ()
    no_error: bool = False
    comment: str = ""

    @property
    def problem(self) -> str:
        """Why this cannot be saved; empty if it can."""
        if self.no_error and self.categories:
            return "“No error” cannot be combined with other marks. Please remove one or the other."
        if not self.no_error and not self.categories:
            return "Please mark what is wrong, or “No error”."
        if len(self.comment) > LONGEST_COMMENT:
            return f"The comment is too long: at most {LONGEST_COMMENT} characters."
        return ""


def marks_of_form(form: MultiDict[str, str]) -> Marks:
    """The marks that a browser sent, in the order of the categories."""
    marked = set(form.getlist("category"))
    if unknown := marked - set(CATEGORY_IDS):
        raise InputError(f"unknown categories: {', '.join(sorted(map(repr, unknown)))}")
    return Marks(
        tuple(category for category in CATEGORY_IDS if category in marked),
        "no_error" in form,
        form.get("comment", "").replace("\r\n", "\n").strip(),
    )


def marks_of_annotation(annotation: Annotation | None) -> Marks:
    """The marks that were saved, or none."""
    if annotation is None:
        return Marks()
    return Marks(annotation.categories, annotation.no_error, annotation.comment)


@dataclass(frozen=True)
class Visit:
    """One annotator's view of the set: images in this annotator's order, and what is saved."""

    annotator: str
    images: list[PageImage]
    saved: Mapping[str, Annotation]

    @property
    def done(self) -> list[bool]:
        """Whether each image, in order, is annotated."""
        return [image.image_id in self.saved for image in self.images]

    @property
    def missing(self) -> list[int]:
        """Positions, from 1, of the images that are not annotated yet."""
        return [position for position, done in enumerate(self.done, start=1) if not done]

    def image(self, position: int) -> PageImage:
        """The image at a position, from 1; any other position ends the request (404)."""
        if not 1 <= position <= len(self.images):
            abort(404, f"There is no image {position}: the set has {len(self.images)}.")
        return self.images[position - 1]


def create_app(
    study_set: StudySet,
    annotations: Path,
    *,
    annotator: str | None,
    password: str | None,
    local_only: bool,
) -> Flask:
    """The application for one set.

    Args:
        annotations: folder of the annotation files.
        annotator: the only code that may be used; with ``None`` people enter theirs.
        password, local_only: see :func:`~caption_curation.serving.access.guard`.
    """
    app = Flask(__name__)
    guard(app, local_only=local_only, password=password)
    app.jinja_env.globals.update(groups=GROUPS, keys=KEYS, study_set=study_set)
    first_shown: dict[tuple[str, str], str] = {}  # since this server started

    def visit(code: str) -> Visit:
        check_code(code)
        if annotator not in (None, code):
            abort(404, f"Only annotator {annotator} may use this page.")
        return Visit(code, study_set.order_for(code), annotations_of(study_set, annotations, code))

    def show(current: Visit, position: int, marks: Marks | None = None, problem: str = "") -> str:
        image = current.image(position)
        saved = current.saved.get(image.image_id)
        return render_template(
            "image.html",
            visit=current,
            position=position,
            image=image,
            saved=saved,
            marks=marks or marks_of_annotation(saved),
            problem=problem,
            shown_at=first_shown.setdefault((current.annotator, image.image_id), _now()),
            version=CATEGORY_VERSION,
            is_low_resolution=_is_drawing(study_set.file_paths[image.image_id]),
            longest_comment=LONGEST_COMMENT,
        )

    @app.get("/")
    def start() -> Response | str:
        if annotator is not None:
            return redirect(url_for("instructions", code=annotator), 303)
        return render_template("start.html", problem="", code="")

    @app.post("/")
    def enter_code() -> Response | tuple[str, int]:
        code = request.form.get("code", "").strip()
        try:
            return redirect(url_for("instructions", code=check_code(code)), 303)
        except InputError as error:
            return render_template("start.html", problem=str(error), code=code), 400

    @app.get("/annotator/<code>/")
    def instructions(code: str) -> str:
        return render_template("instructions.html", visit=visit(code))

    @app.get("/annotator/<code>/<int:position>")
    def show_image(code: str, position: int) -> str:
        return show(visit(code), position)

    @app.get("/annotator/<code>/<int:position>/image")
    def image_file(code: str, position: int) -> Response:
        # By position: a file's name, or its place in the set, could give away its loss.
        path = study_set.file_paths[visit(code).image(position).image_id].absolute()
        return send_file(path, download_name=f"{position}{path.suffix}")

    @app.post("/annotator/<code>/<int:position>")
    def save(code: str, position: int) -> Response | tuple[str, int]:
        current = visit(code)
        image = current.image(position)
        form = request.form
        if (form.get("image_id"), form.get("version")) != (image.image_id, CATEGORY_VERSION):
            abort(409, "The set or its categories changed while this page was open. Reload it.")
        go = form.get("go", "next")
        target = _target(go, position, len(current.images))
        marks, saved = marks_of_form(form), current.saved.get(image.image_id)
        is_left_for_later = not (marks.categories or marks.no_error or saved or go == "next")
        if is_left_for_later:  # a comment without a mark stays in the browser
            return _go(code, target, len(current.images))
        if marks.problem:
            return show(current, position, marks, marks.problem), 422
        if marks != marks_of_annotation(saved):
            annotation = Annotation(
                set=study_set.number,
                image_id=image.image_id,
                annotator=code,
                categories=marks.categories,
                no_error=marks.no_error,
                comment=marks.comment,
                category_version=CATEGORY_VERSION,
                shown_at=saved.shown_at if saved else form.get("shown_at", ""),
                saved_at=_now(),
            )
            try:
                append(annotation_file(annotations, code), annotation)
            except OSError as error:
                return show(current, position, marks, f"This could not be saved: {error}"), 500
        return _go(code, target, len(current.images))

    @app.get("/annotator/<code>/end")
    def end(code: str) -> str:
        return render_template("end.html", visit=visit(code))

    @app.errorhandler(InputError)
    def bad_input(error: InputError) -> tuple[str, int]:
        return render_template("message.html", message=str(error)), 400

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> tuple[str, int]:
        return render_template("message.html", message=error.description), error.code or 500

    return app


def _target(go: str, position: int, images: int) -> int:
    """Where a button leads: a position, from 0 (instructions) to one past the last image (end)."""
    if go in ("back", "next"):
        return position + (1 if go == "next" else -1)
    if not (go.isascii() and go.isdigit() and 0 <= int(go) <= images + 1):
        abort(400, f"go = {go!r}: next, back or a position")
    return int(go)


def _go(code: str, target: int, images: int) -> Response:
    if target == 0:
        return redirect(url_for("instructions", code=code), 303)
    if target > images:
        return redirect(url_for("end", code=code), 303)
    return redirect(url_for("show_image", code=code, position=target), 303)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@lru_cache
def _is_drawing(path: Path) -> bool:
    return is_low_resolution(read_header(path).size)
