"""paraserve: a speech recognition server, drop-in for the FunASR runtime."""

__version__ = "0.1.0"
