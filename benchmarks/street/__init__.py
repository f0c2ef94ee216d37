"""The whole street, from an update to the answer on the screen, beside a plain aiogram bot."""
