"""What the durable side carries: turns committed at once, at a pace, and users read back."""
