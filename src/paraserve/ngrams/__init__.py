"""N-gram language models over a recognizer's units: read, trained, pruned and written."""
