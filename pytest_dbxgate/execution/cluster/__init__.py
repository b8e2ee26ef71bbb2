"""Running notebooks as tasks of one job on one cluster: the plan, the copy in the workspace, the
run, and the clean-up after it."""
