"""Headings below which models write reasoning, such as `Thinking:` and `**Identifying the theme**`."""

from __future__ import annotations

import regex

_HERE = r"(?:here(?:['’]s| is) )?(?:my |the |an? )?"
_PROCESS = r"(?:thinking|thought|reasoning|analysis) process"
_THOUGHT = (
    rf"(?:{_PROCESS}|thinking|thoughts?|reasoning|analysis|rationale|chain of thought"
    r"|step[- ]by[- ]step[^:：\n]{0,40}"
    r"|思考(?:过程|過程)?|分析|推理|思考プロセス|생각|추론|razonamiento|análisis|raisonnement|analyse|réflexion|überlegung"
    r"|ragionamento|raciocínio|рассуждение|анализ)"
)
_LABEL = regex.compile(
    rf"^[\s*_#>]*{_HERE}(?:{_THOUGHT}|{_PROCESS}\b[^:：\n]{{0,80}})[\s*_]*[:：]"
    rf"|^\s*(?:#+|\*\*)[ \t*]*{_THOUGHT}[ \t*]*\n",
    regex.I,
)
_VERBS = (
    "analy[sz]|assess|brainstorm|clarify|consider|deconstruct|defin|determin|examin|evaluat|explor|extract|identify|"
    "interpret|isolat|narrow|pars|pinpoint|recogni[sz]|review|scann?|summari[sz]|synthesi[sz]|understand|uncover"
)
# What a task consists of: a name such as "Understanding Jazz Guitar" has another object.
_PARTS = (
    "request|task|input|prompt|quer(?:y|ies)|instructions?|constraints?|titles?|items?|lists?|data|themes?|topics?|"
    "patterns?|connections?|thread|interests?|users?|names?|core|commonalit(?:y|ies)"
)
_STEP = regex.compile(rf"^\s*1[.)]\s+\*\*(?:{_VERBS})\w*\b[^:：*\n]{{0,40}}\b(?:{_PARTS})\b[^*\n]{{0,20}}\*\*", regex.I)
_SECTION = regex.compile(
    rf"^\s*(?:#+\s*|\*\*)?\s*(?:(?:{_VERBS})\w*\s+(?:the|these|this|user['’]?s?|common|shared|key|core)\b"
    rf"[^:：*\n]{{0,40}}\b(?:{_PARTS})|initial (?:thoughts?|analysis|assessment)|(?:my )?plan)\b"
    r"[^:：*\n.]{0,20}(?:\*\*)?[ \t]*\n\s*",
    regex.I,
)
_FIRST_PERSON = regex.compile(r"(?:i|i['’](?:m|ve|ll|d)|my|we|okay|ok|alright|let me|let['’]s|the user)\b", regex.I)
_ENTRY = regex.compile(r"\s*(?:\d{1,2}[.)]|[-*•])\s+.*[:：]")
_RESULT_LABEL = r"(?:final |short )?(?:answer|output|response|result|conclusion|name|interest(?: name)?|title|label)"
_RESULT = regex.compile(
    rf"^(?![ \t]+[-*•])[ \t*_#>\-]*(?:\d{{1,2}}[.)]\s+\**)?{_HERE}{_RESULT_LABEL}[\s*_]*[:：]"
    rf"|^[ \t]*(?:#+|\*\*)[ \t*]*{_RESULT_LABEL}[ \t*]*$",
    regex.I | regex.M,
)


def heading_end(text: str) -> int:
    """Return where the text after a heading of reasoning begins; 0: the text has no such heading.

    A heading is a label, the first of several numbered steps about the task, or a line about the task before
    sentences in the first person.
    """
    if label := _LABEL.match(text):
        return label.end()
    if step := _STEP.match(text):
        return step.end()
    section = _SECTION.match(text)
    return section.end() if section and _FIRST_PERSON.match(text, section.end()) else 0


def last_result(text: str) -> str:
    """Return a text from its last label of a result on, such as `Final output:`; empty: it has none.

    An indented entry below a step is none: `* Output: a short name`.
    """
    results = list(_RESULT.finditer(text))
    return text[results[-1].start() :].strip() if results else ""


def is_entry(paragraph: str) -> bool:
    """Whether a paragraph begins with a step or an entry that has a label: `2. **Draft:** ...`."""
    return _ENTRY.match(paragraph) is not None
