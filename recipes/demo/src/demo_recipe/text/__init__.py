"""Text of the domain, and text outside it."""
