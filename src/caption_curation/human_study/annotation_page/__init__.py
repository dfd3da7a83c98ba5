"""The page on which people mark what is wrong with the images of a set. (Paper, section 5.2.)"""
