"""Other hosts: which addresses may be called, and recordings that are fetched from them."""
