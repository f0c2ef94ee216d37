"""What people and operators do, from end to end, on the real processes."""
