"""A tree → what is wanted."""
