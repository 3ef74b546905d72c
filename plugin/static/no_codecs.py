"""Stands for `encodings` in the static file, which knows no codec but those within the interpreter.

CPython imports that module before it looks for the handler of an encoding error, `strict` among them.
"""
