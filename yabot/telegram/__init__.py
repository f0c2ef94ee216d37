"""Where Telegram and the users meet: updates come in, recorded calls go out.

The rule of this folder: an update is acknowledged once it is durable, and a call leaves once its
turn is; in between, handlers are ordinary aiogram code.
"""
