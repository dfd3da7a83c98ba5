"""Finished results of another version of this project, adopted by today's.

Every version changes code, and DVC would compute anew whatever depends on it. Where the change does
not touch a stage's results, its finished runs are *adopted*: recorded as today's stage would have
recorded them (:mod:`~caption_curation.adoption.rekey` decides which, by the rules in
``adoptable.yaml``). ``caption-curation adopt`` does it.
"""
