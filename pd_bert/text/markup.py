"""Removal of HTML markup from texts."""

import html
import re

_BREAK = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|h[1-6]|hr)\b[^<>]*>", re.IGNORECASE)
# A tag starts with a letter: "a < b and c > d" is text.
_TAG = re.compile(r"</?[a-z][^<>]*>|<!--.*?-->", re.IGNORECASE)


def strip_markup(text: str) -> str:
    """Removes tags and resolves entities; tags that break a line become line breaks.

    'Fish &amp; <b>chips</b>.<br /><br />Good.' -> 'Fish & chips.\\n\\nGood.'
    """
    if "<" in text:
        text = _TAG.sub("", _BREAK.sub("\n", text))
    # Last, so that an escaped "&lt;b&gt;" stays the text it stands for.
    return html.unescape(text) if "&" in text else text
