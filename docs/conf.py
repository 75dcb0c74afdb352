"""Configuration of the documentation; it is built without a network."""

from gnomon import __version__

project = "gnomon"
author = "The gnomon developers"
copyright = "The gnomon developers"
version = release = __version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_parser"]
exclude_patterns = ["_build"]
templates_path: list[str] = []
root_doc = "index"

html_theme = "furo"
html_title = "gnomon"
# The JSON Schemas are read by editors from where the documentation is published.
html_extra_path = [
    f"../src/gnomon/definitions/schemas/{kind}.schema.json" for kind in ("metrics", "specifications")
]
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "monokai"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
# A documented attribute of the name `type` would make every `type[...]` of a signature ambiguous.
autodoc_default_options = {"members": True, "exclude-members": "type"}
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
