"""Subjects of the domain: sentence templates and what fills them."""
