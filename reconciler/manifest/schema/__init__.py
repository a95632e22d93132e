"""What manifests may say."""
