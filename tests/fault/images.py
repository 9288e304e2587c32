"""File systems to test on: small images mounted through loop devices, tmpfs and overlays. Needs
root."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

# The least that each can be made of, and room for what the tests write; sparse, so that they cost
# what is used.
MAKERS = {
    "ext4": (128, ["mkfs.ext4", "-q", "-I", "256"]),
    # Inodes of the old size have no room for parts of seconds.
    "ext4-seconds": (128, ["mkfs.ext4", "-q", "-I", "128"]),
    "xfs": (320, ["mkfs.xfs", "-q"]),
    "btrfs": (256, ["mkfs.btrfs", "-q"]),
}
# Programs that are file systems: how one is made, and mounted from a loop device. A directory is
# theirs whose mode they do not keep.
PROGRAMS = {
    "exfat": (["mkfs.exfat"], ["mount.exfat-fuse", "-o", "umask=077"]),
    "ntfs": (["mkfs.ntfs", "-F", "-Q", "-q"], ["ntfs-3g", "-o", "umask=077"]),
    "ntfs that folds": (
        ["mkfs.ntfs", "-F", "-Q", "-q"],
        ["lowntfs-3g", "-o", "umask=077,ignore_case"],
    ),
}
# File systems of the kernel's that are odd in the same ways: how one is made, the options of its
# mount, and what says of a directory that names in it fold.
KERNELS = {
    "vfat": (["mkfs.vfat", "-F", "32"], ["-t", "vfat", "-o", "loop,umask=077"], None),
    "ext4 that folds": (
        ["mkfs.ext4", "-q", "-O", "casefold", "-E", "encoding=utf8"],
        ["-t", "ext4", "-o", "loop"],
        ["chattr", "+F"],
    ),
}
ODD = (*PROGRAMS, *KERNELS)


class Missing(Exception):
    """This machine, or this user, cannot have that file system; the text says why."""


def run(*command):
    """A command that is part of making a file system."""
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Missing(f"{command[0]} is missing") from error
    if done.returncode:
        raise Missing(f"{command[0]}: {(done.stderr or done.stdout).strip().partition(chr(10))[0]}")


class Images(contextlib.ExitStack):
    """File systems below one directory, gone when the block ends."""

    def __init__(self, directory):
        super().__init__()
        self.directory = Path(directory)
        self.made = 0

    def mount(self, *options) -> Path:
        """mount OPTION... on a directory of its own, which is returned."""
        self.made += 1
        place = self.directory / f"mount{self.made}"
        place.mkdir()
        run("mount", *options, place)
        # Lazily: a test that failed may still be in there.
        self.callback(subprocess.run, ["umount", "-l", str(place)], check=True)
        # Where modes are the mount's they cannot be others.
        with contextlib.suppress(PermissionError):
            place.chmod(0o700)
        return place

    def formatted(self, megabytes, *maker) -> Path:
        """A sparse file that a command made a file system in."""
        self.made += 1
        path = self.directory / f"image{self.made}"
        with open(path, "wb") as file:
            file.truncate(megabytes << 20)
        run(*maker, path)
        return path

    def image(self, kind) -> Path:
        """A fresh file system of a kind in MAKERS."""
        megabytes, maker = MAKERS[kind]
        path = self.formatted(megabytes, *maker)
        place = self.mount("-o", "loop", path)
        path.unlink()
        return place

    def odd(self, kind, umask="077") -> Path:
        """A directory on a fresh file system of a kind in ODD; umask= is for those without modes of
        their own."""
        if os.geteuid() != 0:
            raise Missing("mounting needs root")
        if kind in PROGRAMS:
            return self.program(kind, umask)
        maker, options, folding = KERNELS[kind]
        options = [option.replace("umask=077", f"umask={umask}") for option in options]
        place = self.mount(*options, self.formatted(64, *maker)) / "odd"
        place.mkdir(mode=0o700)
        if folding:
            run(*folding, place)
        return place

    def program(self, kind, umask) -> Path:
        maker, mounter = PROGRAMS[kind]
        path = self.formatted(64, *maker)
        device = self.loop(path)
        place = self.directory / f"mount{self.made}"
        place.mkdir()
        run(*[part.replace("umask=077", f"umask={umask}") for part in mounter], device, place)
        self.callback(subprocess.run, ["umount", "-l", str(place)], check=True)
        return place

    def sharing(self) -> Path:
        """A file system on which a copy of a file shares its blocks, and is of one moment."""
        if os.geteuid() != 0:
            raise Missing("mounting needs root")
        path = self.formatted(2048, "mkfs.xfs", "-q", "-m", "reflink=1")
        return self.mount("-o", "loop", path)

    def loop(self, path) -> str:
        """The image as a device."""
        command = ["losetup", "-f", "--show", str(path)]
        device = subprocess.run(command, capture_output=True, text=True).stdout.strip()
        if not device:
            raise Missing("no loop device is free")
        self.callback(subprocess.run, ["losetup", "-d", device], check=False)
        return device

    def tmpfs(self, size="64m") -> Path:
        return self.mount("-t", "tmpfs", "-o", f"mode=0700,size={size}", "tmpfs")

    def overlay(self, lower=None) -> Path:
        """An overlay whose upper layer, on a tmpfs, is empty; `lower` is an empty ext4 where none
        is given."""
        lower = lower or self.image("ext4")
        layers = self.tmpfs()
        for name in ("upper", "work"):
            (layers / name).mkdir()
        (layers / "upper").chmod(0o700)
        options = f"lowerdir={lower},upperdir={layers}/upper,workdir={layers}/work"
        return self.mount("-t", "overlay", "-o", options, "overlay")

    def make(self, kind) -> Path:
        """Any of KINDS."""
        if os.geteuid() != 0:
            raise Missing("mounting needs root")
        return {"tmpfs": self.tmpfs, "overlay": self.overlay}.get(kind, lambda: self.image(kind))()


KINDS = ("tmpfs", *MAKERS, "overlay")
