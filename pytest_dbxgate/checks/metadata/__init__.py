"""What a notebook is besides its code: its name, its form, what is stored in it."""
