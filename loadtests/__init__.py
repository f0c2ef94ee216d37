"""Load: many people in the chat and many services at the API at once, and what they experience."""
