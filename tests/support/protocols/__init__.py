"""Clients of each protocol that say the same thing to a server, so that its answers can be compared."""
