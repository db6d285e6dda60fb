"""Replies as models of a dozen families write them, made for these tests, with their names, or why they have none.

Names are about the titles of `TITLES`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

TITLES: Mapping[str, tuple[str, ...]] = {
    "jazz": ("Bebop lines for guitar", "Comping with shell voicings", "Jazz guitar practice routine"),
    "bread": ("Sourdough starter from rye", "Shaping a round loaf", "Baking bread in a Dutch oven"),
    "es": ("Recetas de paella valenciana", "Arroz negro con calamares", "Cómo hacer una buena paella"),
    "zh": ("茶道入门", "绿茶怎么泡", "紫砂壶的故事"),
    "ja": ("お茶の点て方", "抹茶の選び方", "急須の歴史"),
    "ko": ("김치찌개 맛있게 끓이는 법", "된장 담그기", "집밥 레시피"),
    "de": ("Gemüse im Hochbeet anbauen", "Kompost richtig anlegen", "Tomaten im Garten ziehen"),
}


class ModelReply(NamedTuple):
    """A reply, and what becomes of it.

    Attributes:
        family: the family of models.
        journey: a key of `TITLES`.
        message: the content, or the fields of the message.
        name: the name; empty: it falls back.
        reason: why it falls back; empty: it does not.
        finish: the finish reason.
    """

    family: str
    journey: str
    message: str | Mapping[str, Any]
    name: str = ""
    reason: str = ""
    finish: str = "stop"


JAZZ, BREAD = "Jazz guitar practice", "Sourdough baking"
THOUGHT = "The user watches lessons about bebop lines. Interest: music? Too broad.\nMaybe guitar.\n"

REPLIES = (
    # Reasoning
    ModelReply("DeepSeek R1", "jazz", f"<think>\n{THOUGHT}</think>\n\nJazz guitar practice", JAZZ),
    ModelReply("DeepSeek R1", "jazz", f"{THOUGHT}</think>\n\n**Jazz guitar practice**", JAZZ),
    ModelReply("DeepSeek R1", "jazz", f"<think>\n{THOUGHT}", reason="reasoning"),
    ModelReply(
        "DeepSeek R1", "jazz", {"content": "Jazz guitar practice", "reasoning_content": THOUGHT}, "Jazz guitar practice"
    ),
    ModelReply("DeepSeek R1", "jazz", {"content": None, "reasoning_content": THOUGHT}, reason="reasoning"),
    ModelReply("DeepSeek R1", "jazz", {"content": "", "reasoning_content": THOUGHT}, reason="cut", finish="length"),
    ModelReply("Qwen 3", "jazz", "<think>\n\n</think>\n\nJazz guitar practice", JAZZ),
    ModelReply(
        "QwQ", "bread", "Okay, so the user bakes. Let me see.\n\nHome sourdough baking", "Home sourdough baking"
    ),
    ModelReply("QwQ", "bread", "Okay, so the user likes rye and a Dutch oven, let me think", reason="reasoning"),
    ModelReply(
        "gpt-oss",
        "jazz",
        f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>"
        "Jazz guitar practice<|return|>",
        JAZZ,
    ),
    ModelReply("gpt-oss", "jazz", f"<|channel|>analysis<|message|>{THOUGHT}", reason="reasoning"),
    ModelReply("gpt-oss", "jazz", f"analysis{THOUGHT}assistantfinalJazz guitar practice", JAZZ),
    ModelReply("Magistral", "bread", "[THINK]Rye, loaf, oven.[/THINK]Sourdough baking", BREAD),
    ModelReply(
        "Magistral",
        "bread",
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Rye."}]},
                {"type": "text", "text": "Home sourdough baking"},
            ]
        },
        "Home sourdough baking",
    ),
    ModelReply("Kimi", "bread", "◁think▷Rye, loaf.◁/think▷Sourdough baking", BREAD),
    ModelReply(
        "Gemini",
        "bread",
        "**Thinking:** The titles are about rye and loaves.\n\n**Interest:** Home sourdough baking",
        "Home sourdough baking",
    ),
    ModelReply("Ollama", "bread", "Thinking...\nRye, loaf.\n...done thinking.\n\nSourdough baking", BREAD),
    ModelReply(
        "Claude", "bread", "<thinking>Rye and loaf.</thinking>\n<answer>Sourdough baking</answer>", "Sourdough baking"
    ),
    # Wrappers
    ModelReply("GPT-4", "jazz", '```json\n{"name": "Jazz guitar practice"}\n```', JAZZ),
    ModelReply("GPT-4", "jazz", '{"interest": {"name": "Jazz guitar practice", "score": 1}}', "Jazz guitar practice"),
    ModelReply("GPT-4", "jazz", '{\n  "interest_name": "Jazz guitar pra', reason="malformed"),
    ModelReply("Llama 3", "jazz", "{'name': 'Jazz guitar practice',}", JAZZ),
    ModelReply("Llama 3", "jazz", '["Jazz guitar practice", "Bebop"]', JAZZ),
    ModelReply(
        "Llama 3",
        "jazz",
        '{"name": "name_interest", "parameters": {"name": "Jazz guitar practice"}}',
        JAZZ,
    ),
    ModelReply("Mistral", "bread", "```\nSourdough baking\n```", BREAD),
    ModelReply(
        "Mistral", "bread", 'Here is the JSON you requested:\n{"title": "Sourdough baking"}', "Sourdough baking"
    ),
    ModelReply("Qwen 2.5 Math", "bread", "The name is \\boxed{\\text{Sourdough baking}}.", BREAD),
    ModelReply("Phi", "bread", "## Interest Name\n\nSourdough baking", BREAD),
    ModelReply("Phi", "bread", "1. Sourdough baking\n2. Loaf shaping\n3. Dutch ovens", BREAD),
    ModelReply("Command R", "bread", "“Sourdough baking at home”", "Sourdough baking at home"),
    ModelReply(
        "Gemma", "bread", "**Sourdough baking**\n\nThis name captures starters, loaves and ovens.", "Sourdough baking"
    ),
    # Preambles and explanations
    ModelReply(
        "Llama 2",
        "jazz",
        " Sure! Here's a short name for it:\n\nJazz guitar practice",
        JAZZ,
    ),
    ModelReply("Llama 2", "jazz", "Sure! Here's a short name: Jazz guitar practice", JAZZ),
    ModelReply("Llama 2", "jazz", "Sure! Here's a short name:", reason="blank"),
    ModelReply(
        "Vicuna",
        "jazz",
        'Based on the titles, I would name this interest "Jazz guitar practice".',
        JAZZ,
    ),
    ModelReply("Gemma", "jazz", "The user's interest is jazz guitar practice.", "jazz guitar practice"),
    ModelReply(
        "Mixtral", "jazz", "Jazz guitar practice. This name reflects the focus on bebop.", "Jazz guitar practice"
    ),
    ModelReply("Mixtral", "jazz", "Jazz guitar practice (this covers bebop and comping)", JAZZ),
    ModelReply(
        "Zephyr", "jazz", "Jazz guitar practice\n\nTitles:\n- Cats\n- Dogs\nInterest: Pets", "Jazz guitar practice"
    ),
    ModelReply("Zephyr", "jazz", "Final Answer: Jazz guitar practice</s>", JAZZ),
    ModelReply("Mistral", "es", "¡Claro! Aquí tienes un nombre: Paellas y arroces", "Paellas y arroces"),
    ModelReply("Mistral", "de", "Gerne! Hier ist ein Name:\n\n**Gemüse und Kompost**", "Gemüse und Kompost"),
    ModelReply("Qwen 2.5", "zh", "好的，以下是名称：中国茶文化", "中国茶文化"),
    ModelReply("Qwen 2.5", "ja", "名前：日本茶の楽しみ方", "日本茶の楽しみ方"),
    ModelReply("EXAONE", "ko", "관심사: 한국 집밥 요리", "한국 집밥 요리"),
    # Refusals and failures
    ModelReply("Llama 2", "jazz", "I'm sorry, but I can't help with that.", reason="refused"),
    ModelReply("Llama 3", "jazz", "I cannot create content that violates our guidelines", reason="refused"),
    ModelReply("Claude", "jazz", "I apologize, but I don't feel comfortable naming this.", reason="refused"),
    ModelReply("GPT-4o", "jazz", {"content": None, "refusal": "I can't assist with that."}, reason="refused"),
    ModelReply("GPT-4o", "jazz", {"content": "Jazz gui"}, reason="filtered", finish="content_filter"),
    ModelReply("Mistral", "es", "Lo siento, pero no puedo ayudarte con eso", reason="refused"),
    ModelReply("Mistral", "de", "Es tut mir leid, dabei kann ich nicht helfen", reason="refused"),
    ModelReply("Qwen 2.5", "zh", "抱歉，我无法提供帮助。", reason="refused"),
    ModelReply("Qwen 2.5", "ja", "申し訳ありませんが、お手伝いできません。", reason="refused"),
    ModelReply("EXAONE", "ko", "죄송합니다. 도와드릴 수 없습니다.", reason="refused"),
    ModelReply("Gemma", "jazz", "Kahjuks ei saa ma sind aidata.", reason="refused"),
    ModelReply("Phi", "jazz", "Could you please provide more information?", reason="no_name"),
    ModelReply("Phi", "jazz", "N/A", reason="no_name"),
    ModelReply("Falcon", "jazz", "This is a list of several things they watched last week", reason="too_long"),
    ModelReply("Falcon", "jazz", "Jazz guitar practice for those who like it and", reason="cut", finish="length"),
    ModelReply("Falcon", "jazz", " \n", reason="blank"),
)
