"""The page of `dvc plots` holds the scripts that DVC names, as they were published."""

import hashlib
import re
from configparser import ConfigParser
from pathlib import Path

from dvc_render.vega import VegaRenderer

from tests.conftest import REPOSITORY
from tests.pipeline.browser import fetched_by


def test_the_page_holds_the_scripts_that_dvc_names() -> None:
    config = ConfigParser()
    config.read(REPOSITORY / ".dvc/config")
    template = REPOSITORY / ".dvc" / Path(config["plots"]["html_template"])
    with template.open(encoding="utf-8", newline="") as file:  # as it is, byte for byte
        page = file.read()
    assert fetched_by(page) == []
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    held = {hashlib.sha256(script.encode()).hexdigest() for script in scripts}

    readme = (template.parent / "README.md").read_text(encoding="utf-8")
    published = dict(re.findall(r"^\| (vega\S*) (.+) \|$", readme, flags=re.MULTILINE))
    licences = (template.parent / "LICENSES.txt").read_text(encoding="utf-8")
    named = re.findall(r"npm/(vega[a-z-]*)@([\d.]+)", VegaRenderer.SCRIPTS)
    assert len(named) == len(published) == 3
    for package, version in named:
        found, _, digest = published[package].split(" | ")
        assert found == version, "dvc-render names another version: see .dvc/plots/page/README.md"
        assert digest in held
        assert re.search(rf"^{package}\b", licences, flags=re.MULTILINE)
