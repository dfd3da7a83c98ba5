"""The human study: what is wrong with synthetic images, and does the loss show it? (Section 5.2)"""
