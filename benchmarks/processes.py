"""CPU time and memory of processes, read from Linux's /proc. Standard library only: every measured client imports it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def children(pid: int) -> list[int]:
    """The living children of a process."""
    found: list[int] = []
    for task in (_PROC / str(pid) / "task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, (task / "children").read_text().split())
    return found


def tree(pid: int) -> Iterator[int]:
    """A process and all its living descendants."""
    yield pid
    with suppress(FileNotFoundError, ProcessLookupError):
        for child in children(pid):
            yield from tree(child)


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process, its descendants and its ended children have used; steps of a hundredth."""
    ticks = 0
    for one in tree(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            # The name, in parentheses, may itself hold spaces and parentheses.
            fields = (_PROC / str(one) / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return ticks / _TICKS_PER_S


def running_s(pid: int) -> float:
    """Seconds that the living threads of a process and its descendants have run, to the nanosecond.

    Threads and children that have ended are not in it: it is for the differences of servers that keep theirs.
    """
    nanoseconds = 0
    for one in tree(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            for thread in (_PROC / str(one) / "task").iterdir():
                with suppress(FileNotFoundError, ProcessLookupError):
                    nanoseconds += int((thread / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def memory_bytes(pid: int) -> int:
    """Resident memory of a process tree now; pages that processes share count once for each."""
    return sum(_status_bytes(one, "VmRSS") for one in tree(pid))


def peak_bytes(pid: int) -> int:
    """The sum of the largest resident memory that each process of the tree has had since `reset_peak`."""
    return sum(_status_bytes(one, "VmHWM") for one in tree(pid))


def reset_peak(pid: int) -> None:
    """Let `peak_bytes` start from the present."""
    for one in tree(pid):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            (_PROC / str(one) / "clear_refs").write_text("5")


def _status_bytes(pid: int, field: str) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in (_PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0
