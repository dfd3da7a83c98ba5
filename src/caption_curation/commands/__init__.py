"""The command line: what people do with the pipeline besides running it.

A module a command or group of commands. Each only reads its options, calls a room of the package
and prints what comes back; it imports that room when it runs, so that help and completion are
quick.
"""
