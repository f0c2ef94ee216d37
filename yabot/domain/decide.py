"""The one dispatch table: a command's class, and the function that decides it.

`decide` is pure. It gives the next user with all that must leave with the change, or a `Rejected`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from yabot.domain import besitos, gifts, menus, narrative, reactions, subscriptions, users
from yabot.domain import commands as c
from yabot.domain import gift_commands as g
from yabot.domain.decision import Decision, Rejected
from yabot.domain.user import User
from yabot.domain.values import Instant, Value

Decider = Callable[[User, Any, Instant], Decision | Rejected]

DECIDERS: Mapping[type[Value], Decider] = {
    c.OpenMenu: menus.open_menu,
    c.ChangePreferences: users.change_preferences,
    c.PatchState: users.patch_state,
    c.UpdateProfile: users.update_profile,
    c.MarkInactive: users.mark_inactive,
    c.Tell: users.tell,
    c.DeleteUser: users.delete,
    c.SetConversation: users.set_conversation,
    c.EnterFragment: narrative.enter_fragment,
    c.Choose: narrative.choose,
    c.React: reactions.react,
    c.RewardReaction: reactions.reward,
    c.UnlockHint: reactions.unlock,
    c.MoveBesitos: besitos.move,
    c.ClaimDaily: besitos.claim_daily,
    c.BuySubscription: subscriptions.buy,
    c.SetSubscription: subscriptions.set_plan,
    c.ExpireSubscription: subscriptions.expire,
    c.CheckVip: subscriptions.check_vip,
    g.GiveBesitos: gifts.give,
    g.ReceiveGift: gifts.receive,
    g.CancelGift: gifts.cancel,
    g.ForgetGift: gifts.forget,
    g.GiftSettled: gifts.settle,
    g.RefundGift: gifts.refund,
    g.CheckGift: gifts.check,
}
"""Every command on a known user; `RegisterUser` has no other."""


def decide(user: User | None, command: c.Command, now: Instant) -> Decision | Rejected:
    """Decide one command at one moment; `user` is None while nobody of that id is registered."""
    if isinstance(command, c.RegisterUser):
        return users.register(user, command, now)
    if user is None and isinstance(command, g.ReceiveGift | g.CancelGift):
        return gifts.return_for_nobody(command, now)
    if user is None:
        return Rejected("user_unknown", "user_unknown", status=404)
    return DECIDERS[type(command)](user, command, now)
