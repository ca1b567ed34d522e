"""Many recordings: those of folders, one run of the models over them, what was done of them."""
