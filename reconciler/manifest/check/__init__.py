"""What is wrong with manifests."""
