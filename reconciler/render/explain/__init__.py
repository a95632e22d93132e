"""An explanation of one address, in sentences."""
