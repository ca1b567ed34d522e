"""Attacks on a running server over raw sockets, and what honest clients notice meanwhile."""
