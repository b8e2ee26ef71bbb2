"""What a notebook is: its model, and one reader and writer for each format."""
