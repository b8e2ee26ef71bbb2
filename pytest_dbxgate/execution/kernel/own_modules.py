"""The repository's own modules for the processes that run Spark's Python functions."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any


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
