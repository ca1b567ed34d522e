"""Routes of an operator: what changes a running server, behind a check of its own."""
