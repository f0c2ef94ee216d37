"""Every Bot API method has a place in the table, and the table says what a handler may rely on."""

import re

import pytest
from aiogram import Bot

from yabot.telegram.methods import TREATMENTS, Method, Treatment, all_methods

DIRECT, REFUSE = Treatment.DIRECT, Treatment.REFUSE
SHOWN_AT_ONCE = {"sendChatAction", "sendMessageDraft", "sendRichMessageDraft"}
REFUSED = {
    # the intake's
    "getUpdates",
    "setWebhook",
    "deleteWebhook",
    "close",
    "logOut",
    # they change something, and a handler must see what came of it
    "answerGuestQuery",
    "createForumTopic",
    "editChatInviteLink",
    "editChatSubscriptionInviteLink",
    "editStory",
    "exportChatInviteLink",
    "postStory",
    "replaceManagedBotToken",
    "repostStory",
    "revokeChatInviteLink",
    "stopPoll",
}


@pytest.mark.parametrize("method", all_methods(), ids=lambda m: str(m.__api_method__))
def test_every_method_is_treated_as_its_name_and_result_ask(method: type[Method]) -> None:
    name = method.__api_method__
    treatment = TREATMENTS[name]
    if name in REFUSED:
        assert treatment is REFUSE
    elif (
        name.startswith(("get", "create", "savePrepared", "upload"))
        and name != ("createNewStickerSet")
    ) or name in SHOWN_AT_ONCE:
        assert treatment is DIRECT
    elif method.__returning__ is bool:
        assert treatment is Treatment.TRUE
    else:
        assert treatment not in (DIRECT, REFUSE, Treatment.TRUE)


def test_every_call_that_the_bot_class_offers_is_in_the_table() -> None:
    offered = {
        re.sub(r"_(\w)", lambda match: match[1].upper(), name)
        for name, member in vars(Bot).items()
        if not name.startswith("_") and callable(member)
    }
    own = {"me", "context", "downloadFile", "download", "get_url"}
    assert offered - own == set(TREATMENTS)
