"""What belongs to a workspace: its place, trust, configuration, secrets and masking."""
