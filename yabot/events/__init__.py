"""Events on their way from the commit that made them to whoever subscribed.

    bus         EventBus: publish, subscribe
    base        BaseEvent: an event as its subscribers get it
    envelope    CloudEvent: an event as it leaves this process
    schemas     what its data looks like, and how older data is read
    publishers  who publishes which
    relay       EventRelay: one actor per group of subscribers, with a position of its own
    streams     the names under which events stand in Redis
    ports       what the bus needs from a store, and from a turn
    document    docs/events.md and docs/asyncapi.yaml, made from the models

The rules: an event is delivered at least once to every group, in order per user; a group that is
slow or broken delays nobody but itself.
"""
