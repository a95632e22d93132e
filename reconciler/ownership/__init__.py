"""Ownership without a state file: the tags on live objects, and the anchor that says what a stack has."""
