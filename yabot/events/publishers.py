"""Who publishes which event: the document of events tells it, and a test holds it to the truth.

A publisher is the kind of a command, or one of the two things that happen to a turn itself.
"""

from collections.abc import Mapping

UPDATE = "every update"
"""The turn of an update publishes it, whatever its handlers do."""

GIVEN_UP = "an update or command that keeps crashing"
"""The turn that gives a job up publishes it."""

PUBLISHERS: Mapping[str, tuple[str, ...]] = {
    "update_received": (UPDATE,),
    "handler_completed": (UPDATE,),
    "update_set_aside": (GIVEN_UP,),
    "user_registered": ("register_user",),
    "user_interaction": ("open_menu", "enter_fragment"),
    "preferences_updated": ("change_preferences",),
    "user_deactivated": ("mark_inactive",),
    "user_deleted": ("delete_user",),
    "decision_made": ("choose",),
    "reaction_detected": ("react",),
    "narrative_hint_unlocked": ("unlock_hint",),
    "besitos_added": (
        "move_besitos",
        "claim_daily",
        "enter_fragment",
        "choose",
        "reward_reaction",
        "receive_gift",
        "refund_gift",
    ),
    "besitos_spent": ("move_besitos", "buy_subscription", "give_besitos", "unlock_hint"),
    "subscription_updated": ("buy_subscription", "set_subscription", "expire_subscription"),
    "vip_access_granted": ("check_vip", "choose"),
}
"""An event's name, and what makes it happen."""
