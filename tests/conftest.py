from __future__ import annotations

import os

pytest_plugins = ["pytester"]

# Tests start many processes; each would rewrite and compile the whole plugin again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# There pytest prints messages in full; the expected texts are those of a terminal.
for name in ("CI", "BUILD_NUMBER"):
    os.environ.pop(name, None)
