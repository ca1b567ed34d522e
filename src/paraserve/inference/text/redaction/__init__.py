"""Changes of the written text that a client or the operator asks for: replacements, hidden words, masked numbers."""
