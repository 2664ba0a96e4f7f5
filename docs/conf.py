"""What Sphinx is told; build.py is the command, how_it_works/this_site.md says how to add pages."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "extensions"))

from numpydoc.xref import DEFAULT_LINKS  # noqa: E402

import chainrule  # noqa: E402

project = "chainrule"
author = "the chainrule developers"
project_copyright = "the chainrule developers, BSD-3-Clause"
version = release = chainrule.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    # docs/extensions
    "inventories",
    "drawn",
    "foreign_members",
    "mathematics",
    "notebooks",
    "program",
    "repairs",
    "repository",
    "versions",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["gallery/**", "extensions/**"]
suppress_warnings = ["config.cache"]

# Formulas are written as $...$, as in the pages on the repository's own site.
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4

default_role = "py:obj"
templates_path = ["templates"]
autodoc_typehints = "none"  # docstrings name the types
autosummary_generate_overwrite = True
intersphinx_mapping = {}  # filled by inventories
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # but these
numpydoc_xref_aliases = {
    **{word: word for word in DEFAULT_LINKS},
    **{name: f"chainrule.{name}" for name in chainrule.__all__},
    "ndarray": "numpy.ndarray",
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": ["gallery"],
    "gallery_dirs": ["generated/gallery"],
    "filename_pattern": r"\.py$",
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 5,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = f"chainrule {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_favicon = "../src/chainrule/app/play/static/icon.svg"
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_end": ["versions", "theme-switcher"],
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_version_warning_banner": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
