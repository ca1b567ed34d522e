"""Server processes: one alone, or several worker processes under a supervisor."""
