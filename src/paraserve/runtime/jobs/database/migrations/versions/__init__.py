"""One file a change, in the order of their numbers. A change that was released is never edited."""
