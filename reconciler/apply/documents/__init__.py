"""The documents of one vector store: attached, waited for, taken away."""
