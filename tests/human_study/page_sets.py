"""Sets of small images for the annotators' page, as the build stage writes them."""

import json
from pathlib import Path
from typing import Any

from PIL import Image

LOSS = 7.654321  # must never reach an annotator
MARKUP = (
    "<b>Two</b> dogs & a cat <script>document.title = 'run'</script><img src=x onerror=alert(1)>"
)


def write_study(folder: Path, images: int = 20, number: int = 3) -> Path:
    """Write one set and a manifest with losses; return the folder of sets."""
    names = [f"image-{index:02}" for index in range(images)]
    target = folder / "sets" / f"set_{number}"
    (target / "images").mkdir(parents=True)
    for index, name in enumerate(names):
        Image.new("RGB", (40, 32), (10 * index, 90, 120)).save(target / f"images/{name}.jpg")
    records = [
        {
            "image_id": name,
            "file": f"images/{name}.jpg",
            "references": [f"Reference of {name}.", MARKUP],
        }
        for name in names
    ]
    write_page(folder / "sets", {"set": number, "images": records})
    losses = [{"image_id": name, "loss": LOSS} for name in names]
    (folder / "manifest.json").write_text(json.dumps({"images": losses}))
    return folder / "sets"


def read_page(sets: Path, number: int = 3) -> Any:
    return json.loads((sets / f"set_{number}/page.json").read_text())


def write_page(sets: Path, page: Any, number: int = 3) -> None:
    (sets / f"set_{number}/page.json").write_text(json.dumps(page))
