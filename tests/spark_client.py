"""A session with a Spark Connect server, in a test."""

from __future__ import annotations

import sys
from typing import Any


def connect(remote: str) -> Any:
    """A session of its own.

    As it is imported the client looks at ``__main__``, and takes a worker of xdist, which has no
    file, for a doctest of Spark itself.
    """
    main = sys.modules["__main__"]
    bare = not hasattr(main, "__file__")
    if bare:
        main.__file__ = __file__
    try:
        from pyspark.sql import SparkSession

        return SparkSession.builder.remote(remote).create()
    finally:
        if bare:
            del main.__file__
