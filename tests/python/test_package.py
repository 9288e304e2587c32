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


@pytest.mark.once  # the others' packages are built without the command
@pytest.mark.parametrize(
    "name",
    [
        "bin/locache",
        "share/man/man1/locache.1",
        "share/man/man1/locache-run.1",
        "share/bash-completion/completions/locache",
        "share/zsh/site-functions/_locache",
        "share/fish/vendor_completions.d/locache.fish",
        "share/locache/locache.schema.json",
    ],
)
def test_the_wheel_holds_the_command_and_what_is_about_it(name):
    """Beside each other, as programs are installed: relative to what is beside the modules."""
    held = [file for file in metadata.files("locache") if file.as_posix().endswith(f"../{name}")]
    assert len(held) == 1 and held[0].locate().stat().st_size > 0
