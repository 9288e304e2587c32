"""What the installed package says of itself: the licences of all that is compiled into it, and
where the project is at home."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
LICENCES = [TOP / "LICENSE", *sorted((TOP / "LICENSES").iterdir())]


def test_each_licence_is_asked_of_the_package():
    """xxHash's header is compiled in, and libsodium where the system has none."""
    assert [path.name for path in LICENCES] == ["LICENSE", "libsodium.txt", "xxHash.txt"]


@pytest.mark.parametrize("licence", LICENCES, ids=lambda path: path.name)
def test_the_wheel_holds_the_licence(licence):
    name = licence.relative_to(TOP).as_posix()
    held = [
        file
        for file in metadata.files("locache") or ()
        if file.as_posix().endswith(f".dist-info/licenses/{name}")
    ]
    assert [file.read_text() for file in held] == [licence.read_text()]
    assert name in (metadata.metadata("locache").get_all("License-File") or ())


def test_the_metadata_names_the_projects_home():
    urls = dict(url.split(", ", 1) for url in metadata.metadata("locache").get_all("Project-URL"))
    assert urls["Homepage"].startswith("https://")
    assert all(url.startswith(urls["Homepage"]) for url in urls.values())
