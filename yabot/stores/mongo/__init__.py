"""The copy of every user's document, and of the content, in MongoDB.

    ports          what the bot asks of such a copy, as a Protocol
    server         a server as a whole: its database, the documents, the check of its collections
    documents      the port over the server's collections; shapes says what a document looks like
    collections    validators and indexes as data; preparing makes or verifies them
    client         the driver: its limits, and what its errors mean
    connection     keeps the server in sight, behind a breaker
    relay          brings what commits left; marks and inheritance say what to do with what is there

The rule: SQLite is the truth and this is a copy that lags, so nothing here is read in a turn of a
user whom SQLite knows.
"""
