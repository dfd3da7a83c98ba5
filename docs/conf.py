"""How Sphinx builds the pages: ``sphinx-build -W -n -b html docs site``, without network."""

project = "caption-curation"
author = "The authors of caption-curation"
project_copyright = author
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "Data curation for image captioning"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_sphinx = False
html_copy_source = False

# The pages are read on GitHub too: links to headings are GitHub's.
myst_heading_anchors = 4
# Lines of JSON are cut at "…", which is no JSON.
highlight_options = {"stripnl": False}
suppress_warnings = ["misc.highlighting_failure"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
# Modules that the reference has no page of.
nitpick_ignore_regex = [
    ("py:.*", r"(numpy|np|pydantic|collections|pathlib|typing)\b.*"),
    ("py:mod", r"caption_curation\..*"),
]
smartquotes = False  # it makes a dash of the two before an option
