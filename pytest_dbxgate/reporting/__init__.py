"""How findings are shown: terminal, JSON, diff. Reads values, owns none."""
