"""What the notebooks of a repository have to do with one another: who runs and imports whom."""
