"""Messages about jobs to addresses that clients gave."""
