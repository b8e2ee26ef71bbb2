"""SQL cells: syntax by two parsers, lint and layout by sqlfluff."""
