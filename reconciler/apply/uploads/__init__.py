"""The bytes of one file on their way into the account."""
