"""The child process that runs one notebook: ``python -m pytest_dbxgate.execution.kernel``.

It reads a :class:`~pytest_dbxgate.execution.spec.Spec` from its standard input and tells what
happens as events. Nothing of it is imported by the process that starts it.
"""
