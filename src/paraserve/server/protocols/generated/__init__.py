"""Messages of `protos/`, written by `scripts/protos`."""
