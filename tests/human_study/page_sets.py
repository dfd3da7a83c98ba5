"""A set of small images for the annotators' page, as the build stage makes it."""

import json
from pathlib import Path
from typing import Any

from PIL import Image

from tests.commands.console import succeed

LOSS = 7.654321  # must never reach an annotator
MARKUP = (
    "<b>Two</b> dogs & a cat <script>document.title = 'run'</script><img src=x onerror=alert(1)>"
)


def write_study(folder: Path, images: int) -> Path:
    """Build a study of one set with the images image-00, image-01, …; return its folder of sets."""
    names = [f"image-{index:02}" for index in range(images)]
    (folder / "generated").mkdir()
    for index, name in enumerate(names):
        image = Image.new("RGB", (40, 32), (10 * index, 90, 120))
        image.save(folder / f"generated/{name}.jpg")
    references = [
        {"image_id": name, "file_name": f"{name}.jpg", "captions": [f"Of {name}.", MARKUP]}
        for name in names
    ]
    lines = "".join(json.dumps(record) + "\n" for record in references)
    (folder / "references.jsonl").write_text(lines)
    losses = [{"image_id": name, "loss": LOSS} for name in names]
    (folder / "losses.json").write_text(json.dumps(losses))
    succeed(
        *("human-study", "build", "--losses", folder / "losses.json", "--out", folder),
        *("--images", folder / "generated", "--references", folder / "references.jsonl"),
        *("--images-per-group", str(images // 2), "--sets", "1"),
    )
    assert str(LOSS) in (folder / "manifest.json").read_text()
    return folder / "sets"


def read_page(sets: Path) -> Any:
    return json.loads((sets / "set_1/page.json").read_text())


def write_page(sets: Path, page: Any) -> None:
    (sets / "set_1/page.json").write_text(json.dumps(page))
