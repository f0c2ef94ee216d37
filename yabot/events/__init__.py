"""Events on their way from the commit that made them to whoever subscribed.

    bus        EventBus: publish, subscribe
    relay      EventRelay: one actor per group of subscribers, with a position of its own
    ports      what the bus needs from a store

The rules: an event is delivered at least once to every group, in order per user; a group that is
slow or broken delays nobody but itself.
"""
