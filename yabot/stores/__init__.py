"""The durable side: one SQLite database, written by one writer, read through one reader.

    users, inbox, replies, commands, events   the ports of yabot/users/ports.py, over tables
    commit                                    a turn's Commit as rows
    writer                                    group commit, the only way to write anything
    database                                  opens, migrates and hands out all of it

The rule: every write is an item of the writer, so a promise about durability is made in one place.
"""
