"""The command line: what people do with the pipeline besides running it."""
