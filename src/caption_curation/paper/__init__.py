"""The numbers that the paper prints, as data: two tables and a figure of arXiv 2305.03610."""
