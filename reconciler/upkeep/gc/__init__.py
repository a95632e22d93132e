"""What interrupted runs and old releases left in the account: found, shown, and deleted when a person agrees."""
