"""What a part must offer: contracts only."""
