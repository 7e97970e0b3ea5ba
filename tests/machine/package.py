"""The Debian package as tests use it: built once for each content of the checkout, and a root of its own to install it in."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.meta.tree import tracked

ROOT = Path(__file__).resolve().parents[2]
_BUILT = ROOT / "build" / "deb-test"
_MADE_FROM = ("src", "packaging", "scripts", "requirements.txt", "pyproject.toml")
VERSIONS = ("0.1.0~test1", "0.1.0~test2")


@functools.cache
def packages() -> tuple[Path, ...]:
    """The package of this checkout in two versions, the older one first."""
    content = hashlib.sha256()
    for path in tracked():
        if path.relative_to(ROOT).parts[0] in _MADE_FROM:
            content.update(f"{path}\0".encode() + path.read_bytes())
    folder = _BUILT / content.hexdigest()[:16]
    _BUILT.mkdir(parents=True, exist_ok=True)
    with (_BUILT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            for old in _BUILT.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            draft = _BUILT / "draft"
            for version in VERSIONS:
                build(draft, version)
            draft.rename(folder)
    return tuple(sorted(folder.glob("*.deb")))


def build(into: Path, version: str) -> Path:
    """Build one package as `make deb` does."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "deb.py"), "--quick", "--version", version, "--into", str(into)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return next(into.glob(f"*_{version}_*.deb"))


@dataclass(frozen=True)
class Done:
    """What a command said, and its exit code."""

    status: int
    output: str


class Place:
    """A root like this machine's, whose changes are in memory, with a network, processes and a name of its own. Gone when it is closed."""

    _SETUP = """
        set -e
        mount -t tmpfs vxloom-test {folder}
        mkdir {folder}/upper {folder}/work {folder}/root
        mount -t overlay -o lowerdir=/,upperdir={folder}/upper,workdir={folder}/work overlay {folder}/root
        cd {folder}/root
        mount -t proc proc proc; mount -t sysfs sysfs sys; mount --rbind /dev dev
        for each in run tmp; do mount -t tmpfs vxloom-test $each; done
        ip link set lo up
        exec chroot . /bin/sh -c 'echo ready; exec cat'
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--net",
                "--uts",
                "--ipc",
                "--kill-child",
                "sh",
                "-c",
                self._SETUP.format(folder=folder),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said == b"ready\n", said + self._process.stdout.read()
        self._inside = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()[0]

    def run(self, script: str) -> Done:
        """Run a shell script as root in there."""
        enter = [
            "nsenter",
            "-t",
            self._inside,
            "-m",
            "-p",
            "-n",
            "-u",
            "-i",
            "-r",
            "-w",
            "env",
            "-i",
            f"PATH={os.defpath}:/usr/sbin:/sbin",
            "LC_ALL=C.UTF-8",
        ]
        done = subprocess.run([*enter, "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return Done(done.returncode, done.stdout)

    @property
    def changes(self) -> Path:
        """Where the files that were written in there lie, on the real machine."""
        return Path(f"/proc/{self._process.pid}/root{self._folder}/upper")

    def take(self, file: Path, name: str) -> None:
        """Copy a file of the real machine's in."""
        shutil.copyfile(file, f"/proc/{self._inside}/root{name}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
