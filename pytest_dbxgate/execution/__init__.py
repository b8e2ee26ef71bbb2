"""Running notebooks: what a run is asked for (``spec``), what came of it (``outcome``), and the
three ways: on this machine, on a cluster, over Spark Connect."""
