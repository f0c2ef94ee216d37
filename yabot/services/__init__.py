"""What others may ask for, by name: users, story, plans, and the workflows over them.

The rule of this folder: a service has no state and no mailbox. A method builds a command and hands
it to the user's actor through the gateway; inside that user's own turn it joins the turn.
"""
