"""What Linux says about processes: do they live, what do they hold."""
import os
import pathlib
import signal


def start_time(pid: int) -> int | None:
    """When it began, in ticks since the machine did; with the pid it names one process for ever. None: it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def state(pid: int) -> str | None:
    """R, S, D, T as in proc(5); None: it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2]


def resident_bytes(pid: int) -> int:
    """Memory in RAM that is its own: anonymous and shared between ranks; not mapped files, which the kernel may drop."""
    kibibytes = 0
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(("RssAnon:", "RssShmem:")):
            kibibytes += int(line.split()[1])
    return kibibytes * 1024


def send(pid: int, number: int) -> None:
    """A signal; nothing where the process is gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def kill(pid: int) -> None:
    send(pid, signal.SIGKILL)
