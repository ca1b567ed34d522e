"""Units of a vocabulary to words, sentences and written text."""
