"""`gc`, `unlock` and `recover` without a command line."""
