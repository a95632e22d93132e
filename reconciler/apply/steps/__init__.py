"""What one step does to one object."""
