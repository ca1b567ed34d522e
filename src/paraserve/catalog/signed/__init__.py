"""Bundles in one file, and signatures of bundles by keys of minisign."""
