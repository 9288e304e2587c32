"""The machine that was measured, in words."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import date
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "cachebox",
    "diskcache",
    "diskcache-community",
    "diskcache-rs",
    "pysciqlop-cache",
    "checkpointer",
    "emboss",
    "cachau",
    "cachier",
    "joblib",
    "numpy",
    "pandas",
    "polars",
)


def processor() -> str:
    model, virtual = "unknown processor", ""
    source = Path("/proc/cpuinfo")
    for line in source.read_text().splitlines() if source.exists() else []:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            model = value.strip()
        if name.strip() == "flags" and "hypervisor" in value.split():
            virtual = ", a virtual machine"
    return f"{model}, {os.cpu_count()} cores{virtual}"


def memory() -> str:
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / (1 << 30):.0f} GiB"


def memory_available() -> int:
    """Bytes, with what the page cache would give back."""
    found = re.search(r"^MemAvailable: *(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found[1]) << 10 if found else 0


def file_system(path: Path) -> str:
    """The type of the file system that holds the path."""
    best, found = "", "unknown"
    mounts = Path("/proc/mounts")
    for line in mounts.read_text().splitlines() if mounts.exists() else []:
        _, where, kind, *_ = line.split()
        inside = str(path) == where or str(path).startswith(where.rstrip("/") + "/")
        if inside and len(where) >= len(best):
            best, found = where, kind
    return found


def compiler() -> str:
    said = subprocess.run(["cc", "--version"], capture_output=True, text=True).stdout
    return (said.splitlines() or ["unknown"])[0]


def versions() -> dict[str, str]:
    found = {"locache 4.0.2": "4.0.2"}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def describe(place: Path) -> dict:
    return {
        "date": date.today().isoformat(),
        "processor": processor(),
        "memory": memory(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "file system": file_system(place),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": compiler(),
        "versions": versions(),
    }
