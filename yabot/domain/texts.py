"""Every sentence the bot says by itself, in every language it speaks.

Texts are plain; the story's words are content and live with it. A test finds each key in each
language with the same fields.
"""

from collections.abc import Mapping
from types import MappingProxyType

from yabot.domain.user import Language

ES: Mapping[str, str] = MappingProxyType(
    {
        # menus and buttons
        "welcome": "¡Hola, {name}! Soy YABOT. Te cuento una historia en la que decides tú, y por el "
        "camino ganas besitos 😘.\nElige por dónde empezar:",
        "welcome_back": "¡Qué bien verte otra vez, {name}!",
        "main_menu": "🏠 Menú principal. ¿Qué te apetece?",
        "besitos": "😘 Tienes {balance} besitos.",
        "shop": "🛍 Tienda. Tu plan: {plan}.\nTienes {balance} besitos.",
        "settings": "⚙️ Ajustes. Idioma: español. Avisos: {notifications}.",
        "help": "Escribe /story para seguir la historia, /besitos para ver tu saldo, /shop para la "
        "tienda y /menu para volver al principio.",
        "button_story": "📖 Historia",
        "button_besitos": "😘 Besitos",
        "button_shop": "🛍 Tienda",
        "button_settings": "⚙️ Ajustes",
        "button_help": "❓ Ayuda",
        "button_daily": "🎁 Regalo del día",
        "button_main_menu": "🏠 Menú",
        "button_buy_premium": "⭐ Premium 30 días · {price} 😘",
        "button_buy_vip": "💎 VIP 30 días · {price} 😘",
        "button_language_es": "Español",
        "button_language_en": "English",
        "button_notifications": "🔔 Avisos",
        "button_my_data": "📄 Mis datos",
        "button_forget": "🗑 Borrar mis datos",
        "button_forget_yes": "Sí, borrarlo todo",
        "button_forget_no": "No, quedarme",
        "on": "sí",
        "off": "no",
        # what happened
        "daily_given": "🎁 {amount} besitos para ti. Ahora tienes {balance}.",
        "plan_bought": "¡Listo! Tu plan {plan} dura hasta el {until}.",
        "plan_expired": "Tu plan {plan} ha terminado. Puedes renovarlo en la tienda.",
        "hint_unlocked": "🗝 Pista: {hint}",
        "reaction_noted": "¡Anotado!",
        "reward": "+{amount} besitos 😘",
        "preferences_saved": "Guardado.",
        "my_data": "Esto es lo que guardo de ti. De lo que es largo te digo cuánto hay:",
        "forget": "¿Borro todo lo que sé de ti? Tu historia, tus {balance} besitos y tu plan se "
        "pierden para siempre.",
        "forgotten": "Hecho: ya no guardo nada de ti. Si algún día vuelves, escribe /start. ¡Adiós!",
        "the_end": "Fin de este camino. Puedes volver con los botones de arriba o empezar con /story.",
        # a reasoned no
        "user_unknown": "Todavía no nos conocemos. Escribe /start.",
        "menu_unknown": "Ese menú no existe. Escribe /menu.",
        "time_zone_unknown": "No conozco esa zona horaria.",
        "too_many_conversations": "Tienes demasiadas conversaciones abiertas. Termina una primero.",
        "amount_zero": "La cantidad no puede ser cero.",
        "besitos_insufficient": "No te alcanza: cuesta {price} y tienes {balance}.",
        "purse_full": "Tu monedero está lleno.",
        "daily_taken": "Ya recogiste el regalo de hoy. Vuelve mañana.",
        "plan_included": "Tu plan VIP ya lo incluye.",
        "plan_endless": "Tu plan no tiene fin; no hace falta comprarlo.",
        "end_date_past": "Esa fecha ya pasó.",
        "vip_required": "💎 Esta parte es para VIP. Mira la tienda: /shop",
        "fragment_not_reached": "Todavía no has llegado a esa parte de la historia.",
        "fragment_unknown": "Esa parte de la historia ya no existe. Sigue con /story.",
        "key_reused": "Esa clave ya se usó para otra cosa.",
        # help in need
        "unknown_command": "No conozco esa orden. Con /help te cuento lo que sé hacer.",
        "unsupported": "Solo entiendo texto y botones. Prueba con /menu.",
        "not_understood": "No te he entendido. Con /menu ves lo que podemos hacer.",
        "button_outdated": "Ese botón ya no funciona. Escribe /menu.",
        "went_wrong": "Algo ha fallado con tu último mensaje y no se ha hecho nada. Inténtalo otra vez.",
        # command descriptions
        "command_start": "empezar",
        "command_menu": "menú principal",
        "command_story": "seguir la historia",
        "command_besitos": "ver mis besitos",
        "command_daily": "regalo del día",
        "command_shop": "tienda",
        "command_settings": "ajustes",
        "command_mydata": "lo que guardo de ti",
        "command_forget": "borrar mis datos",
        "command_help": "ayuda",
    }
)

EN: Mapping[str, str] = MappingProxyType(
    {
        "welcome": "Hello, {name}! I'm YABOT. I tell a story in which you decide, and on the way you "
        "earn besitos 😘.\nWhere shall we begin?",
        "welcome_back": "Good to see you again, {name}!",
        "main_menu": "🏠 Main menu. What would you like?",
        "besitos": "😘 You have {balance} besitos.",
        "shop": "🛍 Shop. Your plan: {plan}.\nYou have {balance} besitos.",
        "settings": "⚙️ Settings. Language: English. Notifications: {notifications}.",
        "help": "Send /story to go on with the story, /besitos for your balance, /shop for the shop "
        "and /menu to come back here.",
        "button_story": "📖 Story",
        "button_besitos": "😘 Besitos",
        "button_shop": "🛍 Shop",
        "button_settings": "⚙️ Settings",
        "button_help": "❓ Help",
        "button_daily": "🎁 Daily gift",
        "button_main_menu": "🏠 Menu",
        "button_buy_premium": "⭐ Premium, 30 days · {price} 😘",
        "button_buy_vip": "💎 VIP, 30 days · {price} 😘",
        "button_language_es": "Español",
        "button_language_en": "English",
        "button_notifications": "🔔 Notifications",
        "button_my_data": "📄 My data",
        "button_forget": "🗑 Delete my data",
        "button_forget_yes": "Yes, delete everything",
        "button_forget_no": "No, I'll stay",
        "on": "on",
        "off": "off",
        "daily_given": "🎁 {amount} besitos for you. You have {balance} now.",
        "plan_bought": "Done! Your {plan} plan lasts until {until}.",
        "plan_expired": "Your {plan} plan has ended. You can renew it in the shop.",
        "hint_unlocked": "🗝 Hint: {hint}",
        "reaction_noted": "Noted!",
        "reward": "+{amount} besitos 😘",
        "preferences_saved": "Saved.",
        "my_data": "This is what I keep of you. Where it is long, I tell how much there is:",
        "forget": "Shall I delete everything I know of you? Your story, your {balance} besitos and "
        "your plan are lost for good.",
        "forgotten": "Done: I keep nothing of you any more. Should you come back, send /start. Bye!",
        "the_end": "This path ends here. Go back with the buttons above, or begin with /story.",
        "user_unknown": "We haven't met yet. Send /start.",
        "menu_unknown": "There is no such menu. Send /menu.",
        "time_zone_unknown": "I don't know that time zone.",
        "too_many_conversations": "You have too many conversations open. Finish one first.",
        "amount_zero": "The amount can't be zero.",
        "besitos_insufficient": "Not enough: it costs {price} and you have {balance}.",
        "purse_full": "Your purse is full.",
        "daily_taken": "You took today's gift already. Come back tomorrow.",
        "plan_included": "Your VIP plan includes it.",
        "plan_endless": "Your plan has no end; there is no need to buy it.",
        "end_date_past": "That date is over.",
        "vip_required": "💎 This part is for VIPs. See the shop: /shop",
        "fragment_not_reached": "You haven't come to that part of the story yet.",
        "fragment_unknown": "That part of the story is gone. Go on with /story.",
        "key_reused": "That key was used for something else.",
        "unknown_command": "I don't know that command. /help tells what I can do.",
        "unsupported": "I only understand text and buttons. Try /menu.",
        "not_understood": "I didn't get that. /menu shows what we can do.",
        "button_outdated": "That button no longer works. Send /menu.",
        "went_wrong": "Something failed with your last message and nothing was done. Please try again.",
        "command_start": "begin",
        "command_menu": "main menu",
        "command_story": "go on with the story",
        "command_besitos": "see my besitos",
        "command_daily": "daily gift",
        "command_shop": "shop",
        "command_settings": "settings",
        "command_mydata": "what I keep of you",
        "command_forget": "delete my data",
        "command_help": "help",
    }
)

TEXTS: Mapping[Language, Mapping[str, str]] = MappingProxyType({"es": ES, "en": EN})


def say(language: Language, key: str, /, **params: object) -> str:
    """The sentence of that key. Raises KeyError for an unknown key or a missing field."""
    return TEXTS[language][key].format_map(params)
