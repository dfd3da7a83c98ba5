"""Pages as a browser without network shows them."""

import re
import shutil
import subprocess
import tempfile
from html.parser import HTMLParser
from pathlib import Path

import pytest


def fetched_by(html: str) -> list[str]:
    """The addresses that a page would load something from, apart from data URIs."""
    addresses: list[str] = []

    class Page(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            names = {"src", "srcset", "data"} | ({"href"} if tag == "link" else set())
            addresses.extend(value or "" for name, value in attrs if name in names)

    Page().feed(html)
    return [address for address in addresses if not address.startswith("data:")]


def drawn_charts(page: Path) -> dict[str, str]:
    """The charts of a page of DVC's as SVG by the id of their element, once its scripts have run.

    Skips the test where there is no Chromium.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no chromium (Debian: apt-get install chromium) to look at the page with")
    # A profile of its own; it starts no service and asks nobody for updates.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                f"--user-data-dir={profile}",
                "--virtual-time-budget=10000",
                "--dump-dom",
                page.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    body = done.stdout[done.stdout.index("<body>") :]
    _, *parts = re.split(r'<div id="([^"]+)"', body)
    return dict(zip(parts[::2], parts[1::2], strict=True))
