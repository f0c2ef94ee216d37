"""The API over HTTP, beside a bare aiohttp server in the same run.

bare       the server without anything of ours
load       the callers
compare    runs them against both, and prints what each did
"""
