"""Tags of pages and forums, marks of templates, and special tokens of chat models in a text."""

from __future__ import annotations

import regex

_HIDDEN = regex.compile(
    r"<(script|style)\b[^<>]*>.*?</\1\s*>|<!--.*?-->|<!\[CDATA\[|\]\]>|<[!?][^<>]*>", regex.I | regex.S
)
_INLINE = "a|abbr|b|big|cite|code|del|em|font|i|ins|kbd|mark|q|s|small|span|strike|strong|sub|sup|tt|u|wbr"
_BLOCK = (
    "article|aside|blockquote|body|br|button|center|dd|div|dl|dt|figcaption|figure|footer|form|h[1-6]|head|header|hr|"
    "html|iframe|img|input|label|li|link|main|meta|nav|object|ol|option|p|pre|section|select|table|tbody|td|textarea|"
    "tfoot|th|thead|tr|ul|video"
)
# Other words in angle brackets are text: `std::vector<int>`, `<2024>`, `a<b && c>d`.
_INLINE_TAG = regex.compile(rf"</?(?:{_INLINE})\s*(?:\s[^<>]*=[^<>]*)?/?>", regex.I)
_BLOCK_TAG = regex.compile(rf"</?(?:{_BLOCK})(?:\s[^<>]*)?/?>", regex.I)
# So are these without attributes in a text that closes no tag, unless they are seldom closed: `<div> or <span>`.
_SELDOM_CLOSED = "br|dd|dt|hr|img|input|li|link|meta|option|p|td|th|tr|wbr"
_LONE_TAG = regex.compile(
    rf"<(?:{_SELDOM_CLOSED})\s*/?>|<(?:{_INLINE}|{_BLOCK})(?:\s[^<>]*=[^<>]*|\s*/)>"
    r"|^\s*<(?:b|big|center|em|font|i|small|strong|u)>",
    regex.I,
)
# And so are these, unless they are closed or have attributes: `the <canvas> element`.
_RARE = (
    "address|area|audio|base|bdi|bdo|blink|canvas|caption|circle|col|colgroup|data|datalist|details|dfn|dialog|fieldset|g|"
    r"hgroup|legend|map|marquee|menu|noscript|optgroup|path|picture|polygon|rb|rect|rp|rt|ruby|samp|source|summary|svg|"
    r"template|time|track|var|\w+:\w+"
)
_CLOSED_TAG = regex.compile(rf"<({_RARE})(?:\s[^<>]*)?>(?=.*</\1\s*>)|</(?:{_RARE})\s*>", regex.I | regex.S)
_TAG_WITH_ATTRIBUTES = regex.compile(
    rf"<(?:{_RARE})(?:\s+[\w:-]+=(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s<>'\"]+))+\s*/?>", regex.I
)
# A tag of one letter that is cut off may be a formula: `a <b`.
_CUT_OFF_TAG = regex.compile(
    rf"</?(?!\w\b)(?:{_INLINE}|{_BLOCK})(?:\s[^<>]*)?/?$|<[a-z]+\s+[a-z-]+=[\"'][^<>]*$", regex.I
)

_LINK = regex.compile(
    r"(?:!\[(?P<text>[^\[\]]*)|\[(?P<text>[^\[\]]+))\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+(?:\"[^\"]*\"|'[^']*'))?\)"
)
_BB_CODE = regex.compile(
    r"\[/?(?:b|i|u|s|url|img|quote|code|size|color|font|center|list|spoiler|caption|gallery|embed)(?:[\s=][^\[\]]*)?\]"
    r"|\[object Object\]",
    regex.I,
)
_WIKI_LINK = regex.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]")

# Of marks that people write too, such as `{DNA}` and `%PATH%`, only those with the name of a field of an item.
_OWNER = "first|last|full|user|customer|product|item|brand|shop|store|site|company|category|page|post|video|f|l"
_FIELD = rf"(?i:(?:(?:{_OWNER})[_-]?)?(?:name|title)|product|brand|price|category)"
_TEMPLATE_MARK = regex.compile(
    r"\{\{\{[^{}]*\}\}\}|\{\{[^{}]*\}\}|\{%[^{}]*%\}|\{#[^{}]*#\}|[$#]\{[^{}]*\}|\{\$[\w.-]+\}|<%.*?%>|\[%[^\[\]]*%\]"
    r"|%%\w+%%|%\(\w+\)[sd]|(?<![\w%])%(?:\d+\$)?[sd](?!\w)|\*\|[^|*]+\|\*|@?\{(?:\d*|[a-z_][a-z0-9_.]*)\}"
    rf"|\{{[a-z_]\w*(?:\.[\w-]+)+\}}|\{{{_FIELD}\}}|(?<![\w%])%{_FIELD}%(?!\w)|\$\({_FIELD}\)|(?<!\w)\${_FIELD}\$"
    r"|(?<!\w)__[A-Z_]*(?:NAME|TITLE)__(?!\w)",
    regex.S,
)

# Only the forms that no other text has; `remove_chat_markup` removes more from prompts.
_SPECIAL_TOKEN = regex.compile(
    r"<[/!]?[|｜][^\s<>|｜]{1,80}[|｜]>|<</?SYS>>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"  # noqa: RUF001
    r"|\[gMASK\]|</?(?:start|end|begin)_of_\w{1,40}>|◁/?\w{1,40}▷"
)


def remove_tags(text: str) -> str:
    """Return a text without tags, marks of templates and special tokens of chat models; the text of a link stays."""
    text = _SPECIAL_TOKEN.sub(" ", text)
    if "<" in text or "]]>" in text:
        text = _without_other_tags(_without_html(_HIDDEN.sub(" ", text)))
    if "[" in text:
        text = _BB_CODE.sub(" ", _WIKI_LINK.sub(r"\1", without_addresses(text)))
    if "{" in text or "%" in text or "$" in text or "|" in text or "__" in text:
        text = _TEMPLATE_MARK.sub(" ", text)
    return text


def without_addresses(text: str) -> str:
    """Return a text with links and pictures of Markdown as their texts."""
    return _LINK.sub(lambda found: found["text"], text)


def _without_html(text: str) -> str:
    return _BLOCK_TAG.sub(" ", _INLINE_TAG.sub("", text)) if "</" in text else _LONE_TAG.sub(" ", text)


def _without_other_tags(text: str) -> str:
    return _CUT_OFF_TAG.sub("", _CLOSED_TAG.sub(" ", _TAG_WITH_ATTRIBUTES.sub(" ", text))) if "<" in text else text
