"""N-gram language models beside a Paraformer: their files, and the best path through their graph."""
