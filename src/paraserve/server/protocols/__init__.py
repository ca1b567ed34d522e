"""Messages and bodies of each protocol as pure functions: no FastAPI, no sockets."""
