"""The story as files that a writer edits, and the loader that refuses a broken one.

The rule of this folder: writers own the `.toml` files, and every complaint about them names the
file, the fragment and what to do. README.md describes the format.
"""
