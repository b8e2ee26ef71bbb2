from __future__ import annotations

import os

pytest_plugins = ["pytester"]

# Tests start many processes; each would rewrite and compile the whole plugin again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
