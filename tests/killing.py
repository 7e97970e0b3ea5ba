"""Work killed at every point where it touches the machine: a real process, a real SIGKILL.

The process kills itself from an audit hook (PEP 578), which the interpreter calls before it opens, renames or removes a file and before it
starts a program. So the points are found by the run itself: there is one for everything it does, and none is forgotten.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import count

Work = Callable[[], object]
_TOUCHES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.truncate"}
_LOOKS = re.compile(r"show|status|-n?[gq]\b|ping|test|is-active|--json|-V")
"""Words of a program that is started to look at the machine: a kill before it is a kill after what was done before."""


def points(work: Work, least: int) -> Iterator[int]:
    """Kill it at the first point, the second, … until there is none; the caller brings the machine back to where it was.

    Fewer than ``least`` points: the hook does not see them.
    """
    for point in count():
        if not killed(work, point):
            assert point >= least, f"only {point} points were found"
            return
        yield point


def killed(work: Work, point: int) -> bool:
    """Do it in a process that is killed just before it touches the machine for the point-th time; False: it ended before that."""
    pid = os.fork()
    if pid == 0:
        left = point

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if (
                event in _TOUCHES
                or (event == "open" and _opens_to_write(*arguments))
                or (event == "subprocess.Popen" and _changes(arguments[1]))
            ):
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1

        sys.addaudithook(hook)
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def _opens_to_write(file: object, mode: object, flags: object) -> bool:
    return isinstance(file, str) and file != os.devnull and isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _changes(argv: object) -> bool:
    return isinstance(argv, Sequence) and not any(_LOOKS.match(str(word)) for word in argv)
