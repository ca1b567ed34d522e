"""Jobs: recordings that were handed over, and what becomes of them."""
