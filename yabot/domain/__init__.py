"""What the bot knows and decides, with no way to reach the world.

The rule of this folder: values are frozen, functions are pure, and nothing here awaits, logs or
reads a clock. `decide(user, command, now)` is the only way in which a user changes.
"""
