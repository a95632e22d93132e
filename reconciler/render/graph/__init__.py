"""Who uses whom, drawn."""
