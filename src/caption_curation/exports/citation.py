"""How to cite: the software and the paper that it reproduces, as CITATION.cff says too."""

SOFTWARE = """@software{caption_curation,
  title = {caption-curation},
  author = {{The authors of caption-curation}},
  version = {VERSION}
}"""
PAPER = """@inproceedings{li2024role,
  title = {The Role of Data Curation in Image Captioning},
  author = {Li, Wenyan and Lotz, Jonas F. and Qiu, Chen and Elliott, Desmond},
  booktitle = {EACL 2024},
  year = {2024},
  url = {https://arxiv.org/abs/2305.03610}
}"""


def bibtex() -> str:
    """The entries of both, as BibTeX."""
    from importlib.metadata import version

    return f"{SOFTWARE.replace('VERSION', version('caption-curation'))}\n\n{PAPER}"
