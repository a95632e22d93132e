"""From the files of a tree to what they want: text, positions, documents; nothing here goes beyond the tree."""
