"""Python cells: syntax, lint, layout and fixes, all by ruff."""
