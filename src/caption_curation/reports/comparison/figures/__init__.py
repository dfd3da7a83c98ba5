"""The figures of a comparison: numbers in, matplotlib figures out, in the style of one run's.

A method has the colour that it has everywhere; a random control has that of the
control. Bars and bands are 95 % confidence intervals; a single seed has none.
"""
