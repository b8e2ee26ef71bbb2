"""The repository's own modules: where they are, and how Spark's Python functions get them."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from pytest_dbxgate.execution.spec import Spec


def roots(spec: Spec) -> list[str]:
    """Where a workspace's notebook imports from, its own folder first."""
    tree = Path(spec.tree)
    folders = [Path(tree, spec.path).parent, *(tree / each for each in spec.module_roots)]
    return list(dict.fromkeys(os.path.normpath(each) for each in folders))


def leave_out_this_folder() -> None:
    """The folder that a process of ours starts in is nothing to import from."""
    here = os.path.normpath(Path.cwd())
    sys.path[:] = [each for each in sys.path if os.path.normpath(each or ".") != here]


def carry(tree: str) -> None:
    """From now on functions of modules below ``tree`` are sent with all they need: the engine
    serves many runs, whose files it cannot import."""
    cloudpickle: Any = importlib.import_module("pyspark.cloudpickle")
    serializers: Any = importlib.import_module("pyspark.serializers")
    top = str(Path(tree).resolve())
    seen: dict[str, str] = {}
    original = serializers.CloudPickleSerializer.dumps

    def dumps(self: Any, obj: Any) -> Any:
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and seen.get(name) != file:
                seen[name] = file
                if str(Path(file).resolve()).startswith(top):
                    cloudpickle.register_pickle_by_value(module)
        return original(self, obj)

    serializers.CloudPickleSerializer.dumps = dumps
