"""What people and machines read: pure functions from the JSON form of a plan, and of events, to text."""
