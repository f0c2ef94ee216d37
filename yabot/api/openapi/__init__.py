"""The description of the API as an OpenAPI 3.1 document, made from the routes' declarations.

    document      the whole of it
    operations    one route: its parameters, body, answers and links
    parameters    what comes in paths, queries and headers
    problems      which codes a route may answer

`python -m yabot.api.openapi` writes docs/openapi.json, and a test shows where that file differs.
"""
