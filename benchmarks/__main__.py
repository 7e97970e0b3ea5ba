"""``python -m benchmarks [--only NAMES] [--quick] [--json FILE]``: run the cases, show their rows, keep them in a file.

Exit code 0 if every case came to its end and every promise held, 1 if not, 2 for a name nobody knows.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.case import Figure, Progress, Word
from benchmarks.rows import Row, as_json, exit_code
from benchmarks.selection import CASES, select
from benchmarks.show import Show

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; return the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        chosen = select(asked.only)
    except LookupError as error:
        print(f"benchmarks: {error.args[0]}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    failed: list[str] = []
    show = Show()
    for case, wanted in chosen.items():
        began = time.monotonic()
        show.begin(case)
        before = len(rows)
        status = 1
        with _process(case, wanted, quick=asked.quick) as process:
            for word in _words(process):
                match word:
                    case Progress(text):
                        show.progress(case, text)
                    case Figure(each):
                        rows.append(each)
                        show.progress(case, f"{each.name} is there")
            status = process.wait()
        if status or len(rows) == before:
            failed.append(case)
        show.end(case, time.monotonic() - began, failed=case in failed)
        _keep(asked.json or ROOT / "build" / ("bench-quick.json" if asked.quick else "bench.json"), rows)
    show.table(rows)
    for case in failed:
        print(
            f"benchmarks: {case} did not come to its end; what it said is above. Alone: python -m benchmarks --only {case}", file=sys.stderr
        )
    for each in rows:
        if each.holds is False:
            print(f"benchmarks: {each.name} does not keep its promise: {each.bound}", file=sys.stderr)
    return exit_code(rows, failed)


def _parser() -> argparse.ArgumentParser:
    names = "; ".join(f"{case}: {', '.join(rows)}" for case, rows in CASES.items())
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Our figures beside those of the usual tools, in one run.")
    parser.add_argument(
        "--only", default="", metavar="NAMES", help=f"cases or rows, by name, beginning or part, separated by commas ({names})"
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer pairs: shows that all works, proves little")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="where to write the rows (build/bench.json; quick: build/bench-quick.json)"
    )
    return parser


@contextmanager
def _process(case: str, wanted: frozenset[str], *, quick: bool) -> Iterator[subprocess.Popen[bytes]]:
    """A case's process, in a session of its own; it does not outlive the block (nor, by the kernel's doing, us)."""
    command = [sys.executable, "-m", "benchmarks.case", case, "--rows", ",".join(sorted(wanted)), "--parent", str(os.getpid())]
    process = subprocess.Popen(
        [*command, "--quick"] if quick else command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def _words(process: subprocess.Popen[bytes]) -> Iterator[Word]:
    decoder = msgspec.json.Decoder(Progress | Figure)
    for line in process.stdout or ():
        yield decoder.decode(line)


def _keep(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows there are: a run that is broken off leaves what it found."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_bytes(as_json(rows))
    draft.replace(path)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("benchmarks: broken off; what was found until then is in the file of rows")
