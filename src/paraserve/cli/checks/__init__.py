"""The checks of `paraserve doctor`, and what it mends."""
