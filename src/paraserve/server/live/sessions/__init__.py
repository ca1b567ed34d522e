"""Sessions of live clients, which may outlive their connections."""
