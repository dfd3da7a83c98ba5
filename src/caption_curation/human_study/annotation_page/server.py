"""Serving the page: the set that it shows, and who annotates it."""

import sys
from pathlib import Path

from caption_curation.human_study.annotation_page.app import create_app
from caption_curation.human_study.annotation_page.progress import check_annotations
from caption_curation.human_study.annotation_page.study_set import load_set
from caption_curation.human_study.annotations.records import check_code
from caption_curation.serving.access import is_loopback
from caption_curation.serving.server import password_for, serve_until_interrupted


def serve(
    sets: Path, number: int, annotations: Path, *, annotator: str | None, host: str, port: int
) -> None:
    """Serve a set until Ctrl-C; prints the address.

    Args:
        sets: the folder of sets.
        number: of the set.
        annotations: the folder that annotations go to.
        annotator: whose code they have; ``None``: people enter theirs on the page.
        host: the address to listen at; any but this machine's own needs a password.
        port: 1 to 65535.

    Raises:
        InputError: the set, the code, the password or the address cannot be used.
    """
    if annotator is not None:
        check_code(annotator)
    study_set = load_set(sets, number)
    for note in check_annotations(study_set, annotations):
        print(f"note: {note}", file=sys.stderr)
    application = create_app(
        study_set,
        annotations,
        annotator=annotator,
        password=password_for(host),
        local_only=is_loopback(host),
    )
    serve_until_interrupted(application, host=host, port=port)
