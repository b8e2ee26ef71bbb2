"""Programs of others that the gate starts: where they are, and what they get to see."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_SEEN = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH"),
    *("XDG_CONFIG_HOME", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT"),
    *("TEMP", "TMP", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"),
    *("HOMEDRIVE", "HOMEPATH", "USERPROFILE"),
)


def find(name: str) -> str | None:
    """The program of this name on the PATH; None where there is none to be trusted."""
    found = shutil.which(name)
    # On Windows the working directory comes first: that is the repository, which is not trusted.
    if found is None or Path(found).resolve().parent == Path.cwd().resolve():
        return None
    return str(Path(found).resolve()) if sys.platform == "win32" else found


def environment(full: Mapping[str, str]) -> dict[str, str]:
    """What of ``full`` a program gets: enough to start and to find the user's folders, and no
    token."""
    return {name: full[name] for name in _SEEN if name in full}


def git(directory: Path, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    """Ask git something about ``directory``; None where it is not installed.

    It is the repository of that folder that answers, not one a hook's environment names, in
    English, and without starting the monitor its configuration may name.
    """
    program = find("git")
    if program is None:
        return None
    configured = {name: text for name, text in os.environ.items() if name.startswith("GIT_CONFIG")}
    command = [program, "-c", "core.quotepath=off", "-c", "core.fsmonitor=false", *arguments]
    try:
        return subprocess.run(
            command,
            cwd=directory,
            env={**environment(os.environ), **configured, "LC_ALL": "C"},
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except OSError:
        return None
