"""Text: units of a vocabulary to words, sentences and written form."""
