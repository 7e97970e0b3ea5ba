"""Build the Debian package from this checkout and its virtual environment, into build/deb. Needs no network and no root.

Libraries are taken from ``.venv``, file by file as their RECORDs list them with hashes; pip put them there by the lock file's hashes.
The same commit and the same ``.venv`` give the same bytes.
"""  # noqa: INP001 - a script

from __future__ import annotations

import argparse
import base64
import compileall
import email.utils
import gzip
import hashlib
import os
import py_compile
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import manual
from click.shell_completion import get_completion_class

from vxloom import __version__
from vxloom.cli.main import cli

ROOT = Path(__file__).resolve().parents[1]
PACKAGING = ROOT / "packaging"
UNITS = ROOT / "src" / "vxloom" / "prepare" / "units"
HOME = "usr/lib/vxloom"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_PROGRAM = f"""\
#!/{HOME}/bin/python -I
import sys

from vxloom.cli.main import main

sys.exit(main())
"""
_COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/vxloom",
    "zsh": "usr/share/zsh/vendor-completions/_vxloom",
    "fish": "usr/share/fish/vendor_completions.d/vxloom.fish",
}
_SECTIONS = ("postinst", "prerm", "postrm")


def main() -> int:
    """Build, and print where the package is."""
    parser = argparse.ArgumentParser(description="Build the Debian package.")
    parser.add_argument("--version", default=version(), help="the package's version (default: %(default)s)")
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "deb", help="folder for the package")
    parser.add_argument("--quick", action="store_true", help="compress for speed (zstd, which Debian's archive does not take)")
    arguments = parser.parse_args()
    os.umask(0o022)
    os.environ.setdefault("SOURCE_DATE_EPOCH", _git("log", "-1", "--format=%ct") or "0")
    tree = arguments.into / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    stage(tree)
    history(tree, arguments.version)
    architecture = _run("dpkg", "--print-architecture")
    control(tree, arguments.version, architecture)
    package = arguments.into / f"vxloom_{arguments.version}_{architecture}.deb"
    pack(tree, package, ("-Zzstd",) if arguments.quick else ("-Zxz", "-z1"))
    shutil.rmtree(tree)
    print(os.path.relpath(package))  # noqa: T201 - its output
    return 0


def version() -> str:
    """Return the release's version if this commit is tagged with it, else one that sorts before it and after those of older commits."""
    moment, commit = (_git("log", "-1", "--format=%cd %h", "--date=format:%Y%m%d%H%M%S") or "0 0").split()
    return __version__ if f"v{__version__}" in _git("tag", "--points-at", "HEAD").split() else f"{__version__}~git{moment}.{commit}"


def stage(tree: Path) -> None:
    """Lay out what is installed."""
    site = tree / HOME / "lib" / f"python{PYTHON}" / "site-packages"
    site.mkdir(parents=True)
    for name in re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE):
        copy_distribution(name, site)
    folder = tree.parent / "wheel"
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    shutil.rmtree(folder)
    # Checked by nobody, and without a time in them: dpkg keeps source and code together.
    compileall.compile_dir(
        site, quiet=2, workers=0, stripdir=str(tree), prependdir="/", invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    programs(tree)
    texts(tree)


def copy_distribution(name: str, site: Path) -> None:
    """Copy an installed library but for its tests and programs. Raises :class:`SystemExit` for a file that is not as it was installed."""
    found = metadata.distribution(name)
    for file in found.files or ():
        if ".." in file.parts or "__pycache__" in file.parts or {"numpy", "tests"} <= set(file.parts):
            continue
        data = Path(str(file.locate())).read_bytes()
        if (
            file.hash is not None
            and base64.urlsafe_b64encode(hashlib.new(file.hash.mode, data).digest()).rstrip(b"=").decode() != file.hash.value
        ):
            raise SystemExit(f"vxloom: {file} of {name} was changed after it was installed; remove .venv and run make setup")
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def programs(tree: Path) -> None:
    """Make the virtual environment around the libraries: Debian's Python, and the one program."""
    (tree / HOME / "bin").mkdir()
    (tree / HOME / "bin" / "python").symlink_to(f"../../../bin/python{PYTHON}")
    _write(tree / HOME / "pyvenv.cfg", f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {PYTHON}\n")
    _write(tree / HOME / "bin" / "vxloom", _PROGRAM, 0o755)
    (tree / "usr" / "bin").mkdir()
    (tree / "usr" / "bin" / "vxloom").symlink_to("../lib/vxloom/bin/vxloom")


def texts(tree: Path) -> None:
    """Write units, settings, manual page, completions and what Debian wants to know."""
    for unit in UNITS.glob("*.service"):
        _write(tree / "lib" / "systemd" / "system" / unit.name, unit.read_text())
    _write(tree / "usr" / "lib" / "sysusers.d" / "vxloom.conf", (UNITS / "vxloom.sysusers").read_text())
    for settings in PACKAGING.glob("*.toml"):
        _write(tree / "etc" / "vxloom" / settings.name, settings.read_text())
    for shell, name in _COMPLETIONS.items():
        kind = get_completion_class(shell)
        if kind is not None:
            _write(tree / name, kind(cli, {}, "vxloom", "_VXLOOM_COMPLETE").source())
    docs = tree / "usr" / "share" / "doc" / "vxloom"
    _write(docs / "copyright", (PACKAGING / "copyright").read_text())
    _compress(docs / "CHANGELOG.md.gz", (ROOT / "CHANGELOG.md").read_text())
    _compress(tree / "usr" / "share" / "man" / "man1" / "vxloom.1.gz", manual.page())
    _write(tree / "usr" / "share" / "lintian" / "overrides" / "vxloom", (PACKAGING / "lintian-overrides").read_text())


def history(tree: Path, named: str) -> None:
    """Write Debian's own form of a changelog (deb-changelog(5)); ours lies beside it."""
    who = re.search(r"^Maintainer: (.*)", (PACKAGING / "control").read_text(), re.MULTILINE)
    when = email.utils.formatdate(int(os.environ["SOURCE_DATE_EPOCH"]))
    text = f"vxloom ({named}) unstable; urgency=medium\n\n  * See CHANGELOG.md.gz.\n\n -- {who[1] if who else ''}  {when}\n"
    _compress(tree / "usr" / "share" / "doc" / "vxloom" / "changelog.gz", text)


def control(tree: Path, named: str, architecture: str) -> None:
    """Write what dpkg reads."""
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    size = sum(path.stat().st_size for path in files) // 1024
    major, minor = PYTHON.split(".")
    text = (PACKAGING / "control").read_text()
    values = {"VERSION": named, "ARCHITECTURE": architecture, "SIZE": size, "PYTHON": PYTHON, "NEXT_PYTHON": f"{major}.{int(minor) + 1}"}
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    folder = tree / "DEBIAN"
    _write(folder / "control", text)
    _write(folder / "conffiles", "".join(f"/{path.relative_to(tree)}\n" for path in files if path.is_relative_to(tree / "etc")))
    _write(
        folder / "md5sums", "".join(f"{_md5(path)}  {path.relative_to(tree)}\n" for path in files if not path.is_relative_to(tree / "etc"))
    )
    for name in _SECTIONS:
        _write(folder / name, (PACKAGING / name).read_text(), 0o755)


def pack(tree: Path, package: Path, compression: Sequence[str]) -> None:
    """Make the package as a whole, or not at all."""
    draft = package.with_suffix(".new")
    _run("dpkg-deb", "--root-owner-group", *compression, "--build", str(tree), str(draft))
    draft.rename(package)


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()  # what dpkg --verify compares with


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _compress(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"vxloom: {' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
