"""A plan as one static page."""
