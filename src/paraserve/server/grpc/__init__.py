"""gRPC: the listener of its clients, and their calls. What they say is in `protocols`."""
