"""SPICE: the Java program in pycocoevalcap, and the two files that it needs."""
