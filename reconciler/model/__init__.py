"""The values that every stage hands to the next: frozen, comparable, printable."""
