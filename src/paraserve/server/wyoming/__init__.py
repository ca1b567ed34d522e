"""The listener of the Wyoming protocol."""
