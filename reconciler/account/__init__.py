"""The edge to the account: one protocol, its errors, and the two ways to reach it."""
