"""What is wrong with a checkout and its machine, and how to mend it."""
