"""The safety rules: one file each."""
