"""One recording over every protocol."""
