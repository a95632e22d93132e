"""What differs between two texts, lists or schemas, as lines."""
