"""One actor per user: the mailbox, the turn, and the ports through which a turn reaches the world.

The rule of this folder: it knows the domain and the actor runtime; databases, Telegram and HTTP
reach it only through `ports.py`.
"""
