"""Single requests that write: how each is sent, and how it is told what became of it when the answer is lost."""
