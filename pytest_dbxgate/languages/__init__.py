"""How the code of a cell is written: text in, values out, no tool and no file."""
