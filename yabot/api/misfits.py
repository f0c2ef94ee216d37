"""What is wrong with one field of an input, in the caller's language.

Keyed by pydantic's codes. The rule: a text may name a bound of the schema, never what was sent.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from yabot.domain.user import Language

OTHER: Final = "other"

ES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "Falta este campo.",
        "extra_forbidden": "Aquí no hay ningún campo con ese nombre.",
        "int_type": "Debe ser un número entero.",
        "int_parsing": "Debe ser un número entero.",
        "int_from_float": "Debe ser un número entero.",
        "bool_type": "Debe ser true o false.",
        "string_type": "Debe ser un texto.",
        "model_type": "Debe ser un objeto.",
        "model_attributes_type": "Debe ser un objeto.",
        "dict_type": "Debe ser un objeto.",
        "greater_than": "Debe ser mayor que {gt}.",
        "greater_than_equal": "Debe ser al menos {ge}.",
        "less_than": "Debe ser menor que {lt}.",
        "less_than_equal": "Debe ser como mucho {le}.",
        "string_too_short": "Debe tener al menos {min_length} caracteres.",
        "string_too_long": "Debe tener como mucho {max_length} caracteres.",
        "string_pattern_mismatch": "Debe cumplir {pattern}.",
        "literal_error": "Debe ser {expected}.",
        "moment": "Debe ser un momento de RFC 3339 con su zona, entre los años 1 y 9999.",
        OTHER: "No encaja con su esquema.",
    }
)

EN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "This field is missing.",
        "extra_forbidden": "There is no field of that name here.",
        "int_type": "Must be a whole number.",
        "int_parsing": "Must be a whole number.",
        "int_from_float": "Must be a whole number.",
        "bool_type": "Must be true or false.",
        "string_type": "Must be a text.",
        "model_type": "Must be an object.",
        "model_attributes_type": "Must be an object.",
        "dict_type": "Must be an object.",
        "greater_than": "Must be above {gt}.",
        "greater_than_equal": "Must be at least {ge}.",
        "less_than": "Must be below {lt}.",
        "less_than_equal": "Must be at most {le}.",
        "string_too_short": "Must have at least {min_length} characters.",
        "string_too_long": "Must have at most {max_length} characters.",
        "string_pattern_mismatch": "Must match {pattern}.",
        "literal_error": "Must be {expected}.",
        "moment": "Must be a moment of RFC 3339 with its zone, within the years 1 and 9999.",
        OTHER: "Does not fit its schema.",
    }
)


def misfit(code: str, bounds: object, language: Language) -> str:
    """The words for pydantic's error `code`; `bounds` is the context that came with it."""
    texts = ES if language == "es" else EN
    fields = bounds if isinstance(bounds, dict) else {}
    return texts.get(code, texts[OTHER]).format_map(fields)
