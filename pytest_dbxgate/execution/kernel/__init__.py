"""The child process that runs one notebook: ``python -m pytest_dbxgate.execution.kernel``.

It reads a :class:`~pytest_dbxgate.execution.spec.Spec` and tells what happens as events. Nothing
of the parent is imported here, and whatever the notebook does ends with this process.
"""
