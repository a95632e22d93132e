"""Text → values with positions."""
