"""The human study: what is wrong with synthetic images, and does the loss know? (Section 5.2.)"""
