"""Faults, each on a server of its own. A check returns what it saw, and raises when that is not what it should be."""
