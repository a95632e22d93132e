"""The account → what is there of ours."""
