"""The Jupyter format: what the rest of the project calls; each part is a module of its own."""

from pytest_dbxgate.notebook.ipynb_edit import clean, rewrite
from pytest_dbxgate.notebook.ipynb_layout import place
from pytest_dbxgate.notebook.ipynb_reader import read
from pytest_dbxgate.notebook.ipynb_schema import validate

__all__ = ["clean", "place", "read", "rewrite", "validate"]
