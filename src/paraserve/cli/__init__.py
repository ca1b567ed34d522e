"""The `paraserve` command: one file a command."""
