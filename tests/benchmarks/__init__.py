"""How long things take, measured against something that everybody knows. Nothing here asserts a time."""
