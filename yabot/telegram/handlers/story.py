"""The story in the chat: going on, choosing, reacting."""

from aiogram import F, Router
from aiogram.types import CallbackQuery

from yabot.domain.decision import Rejected
from yabot.domain.texts import say
from yabot.domain.user import User
from yabot.services.narrative import NarrativeService
from yabot.telegram.handlers.keyboards import REACTIONS
from yabot.telegram.handlers.screens import fragment_screen, refuse, show


def router() -> Router:
    """A router for the story's buttons."""
    router = Router(name="story")
    router.callback_query.register(resume, F.data == "story")
    router.callback_query.register(choose, F.data.startswith("story:"))
    router.callback_query.register(react, F.data.startswith("react:"))
    return router


async def resume(query: CallbackQuery, user: User, narrative: NarrativeService) -> None:
    """Show the fragment where the user is."""
    outcome = await narrative.resume(user)
    if isinstance(outcome, Rejected):
        await refuse(query, user, outcome)
        return
    fragment, applied = outcome
    await show(query, fragment_screen(user, fragment), _reward(user, applied.user))


async def choose(query: CallbackQuery, user: User, narrative: NarrativeService) -> None:
    """Take a choice and show where it leads."""
    _, fragment_id, choice_id = (query.data or "").split(":", 2)
    outcome = await narrative.choose(user, fragment_id, choice_id)
    if isinstance(outcome, Rejected):
        await refuse(query, user, outcome)
        return
    fragment, applied = outcome
    await show(query, fragment_screen(user, fragment), _reward(user, applied.user))


async def react(query: CallbackQuery, user: User, narrative: NarrativeService) -> None:
    """Note a reaction; one that is on its way to a hint is answered by the step that ends there."""
    _, fragment_id, reaction = (query.data or "").split(":", 2)
    if reaction not in REACTIONS:
        await query.answer(say(user.language, "button_outdated"), show_alert=True)
        return
    outcome = await narrative.react(user, fragment_id, reaction, press=query.id)
    if isinstance(outcome, Rejected):
        await refuse(query, user, outcome)
        return
    _, applied = outcome
    if applied.user.document.reactions == user.document.reactions:
        await query.answer(say(user.language, "reaction_noted"))


def _reward(before: User, after: User) -> str | None:
    earned = after.balance - before.balance
    return say(before.language, "reward", amount=earned) if earned else None
