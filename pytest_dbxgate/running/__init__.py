"""Running a session's notebooks: which, in which order, by which way, and what came of it."""
