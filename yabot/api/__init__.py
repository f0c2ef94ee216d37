"""The internal HTTP API: other services reach users through the same commands as the chat does.

The rule of this folder: a route is one declaration (method, path, what comes in and goes out,
scope) and one short function over a service. Everything else is the same for all of them, and every
answer that is not a success is problem details (RFC 9457).

    Problem          the caller's request can't be answered: status, code, detail
    BadToken         a bearer token was refused, with the reason for the log alone
"""
