"""YABOT: a Telegram bot back end in which every user is an actor.

Read `docs/tour.md` first: it follows one update through these folders. Importing anything here
does nothing; `app.py` wires the parts and `cli.py` starts them.
"""
