import pytest

from tests.transforms.naming.model_replies import TITLES
from transforms.naming.config import NamingConfig
from transforms.naming.validation import clean_output, validate_name

JAZZ = TITLES["jazz"]
NAME = "Jazz guitar techniques"


@pytest.mark.parametrize(
    "reply",
    [
        r'{"result": "{\"name\": \"X\"}"}',
        r'"{\"name\": \"X\"}"',
        r'{"name":"set_name","arguments":"{\"name\":\"X\"}"}',
        "{“name”: “X”}",
        '{name: "X"}',
        '<answer type="name">X</answer>',
        r"\textbf{X}",
        r"$\boxed{\textbf{X}}$",
        'print("X")',
        "[set_name(name='X')]",
        "```X```",
        "〝X〞",
        "＂X＂",
        "1️⃣ X\n2️⃣ Bebop",
        "① X",
        "[1] X\n[2] Bebop",
        "=> X",
        "X <!-- name -->",
        "| Name | Reason |\n|---|---|\n| X | bebop |",
        "| # | Name |\n|---|---|\n| 1 | X |",
        "| Field | Value |\n|---|---|\n| Name | X |",
        "name,reason\nX,bebop",
        "X<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nAnother",
        "X</s>Another",
        "X\nUser: next\nAssistant: Bebop stuff",
        'X"}',
        '"X"}',
        "X'}",
        'X"}]```',
        'X", "reason": "bebop"}',
        'X", "reason": "beb',
        'name": "X"}',
        'reason": "bebop", "name": "X"}',
        "[X](https://example.com)",
        "[X](#)",
        'X"]',
        "X}",
        r"""X\", \"reason\": \"bebop\"}""",
        '<a href="https://example.com">X</a>',
        "X [source](https://example.com)",
        "X [1](https://example.com)",
        "X[^1]",
        "X (https://example.com)",
        "X https://example.com/jazz",
        r"X\r\n",
        r"X\t",
        '**[X](https://example.com "jazz")**',
    ],
)
def test_names_are_found_in_structures(reply: str) -> None:
    assert clean_output(reply.replace("X", NAME), JAZZ) == NAME


@pytest.mark.parametrize(
    "reply",
    [
        'You could call it "X".',
        'Either "X" or "Bebop guitar"',
        'Something like "X".',
        "This looks like X.",
        "Looks like: X",
        "Maybe: X",
        "Possibly X.",
        "Well, X",
        "X, I guess",
        "X I think",
        "X, probably.",
        "X ### Response",
        r"X\n",
        r"Sure!\n\nX",
        "Tag: X",
        "name=X",
        "Okay, the titles are about X. So the name is X.",
        '"X" captures the essence of these titles.',
        '"X" or "Bebop guitar"',
        "**X** is a short, descriptive name.",
        "X would be a fitting name.",
        "One possible name is X.",
        "The name I'd suggest is X",
        "I would suggest calling it X.",
        "It looks like you're into X!",
        "I'd go with X.",
        "Let's call it X",
        "My pick: X",
        "Concise name: X",
        "Cluster label: X",
        "Collection name: X",
        "Short name — X",
        "AI: X",
        "Bot: X",
        "A: X",
        "In short: X",
        "Great question! X",
        "Hello! X",
        "Thank you for the titles! X",
        "Gladly! X",
        "Sure — X",
        "X ✅",
        "So, the titles are about X",
        "🎸 X",
        "X 🎸🎶",
        "🎯 **Name:** X",
        "X -",
        "Name | X",
        "X【1†source】",
        "X 【4:0†titles.txt】",
        "Someone who likes X",
        "All of these titles relate to X",
        "Looking at the titles, they are all about X.",
        "X [confidence: 0.9]",
        "X (Confidence: High)",
        "X (4 words)",
        "X # short name",
        "X - a concise name for the journey",
        "X, because the titles are about bebop.",
        "主题：X",
        "建议名称：X",
        "答：X",
        "这个用户的兴趣是X",
        "名字可以叫“X”",
        "“X”是一个合适的名称。",
        "名前は「X」です",
        "「X」がよいと思います。",
        "提案：X",
        "承知いたしました。X",
        "추천 이름: X",
        "주제: X",
        '이름은 "X"입니다',
        "알겠습니다. X",
        "اسم مقترح: X",
        "بالطبع، الاسم هو: X",
        "Тема: X",
        "Предлагаю название: X",
        "Интерес пользователя: X",
        "Vorschlag: X",
        "Hier ein kurzer Name: X",
        "Ein passender Name wäre „X“.",
        "Je propose : « X »",
        "Nom suggéré : X",
        "Centre d'intérêt : X",
        "Bien sûr ! Voici un nom court : X",
        "Nombre sugerido: X",
        "El nombre sería: X",
        "Nome suggerito: X",
        "Nome sugerido: X",
        "Nazwa: X",
        "Oczywiście! Oto nazwa: X",
        "Naam: X",
        "Zeker! Hier is een naam: X",
        "Namn: X",
        "Önerilen isim: X",
        "Navrhovaný název: X",
        "นี่คือชื่อ: X",
        "We can call this interest X.",
        "Let me suggest X",
        "Let's go with X.",
        "Call it X",
        "How about: X",
        "I'd say X.",
        "You seem to enjoy X",
        "They're interested in X",
        "These titles suggest an interest in X.",
        "The interest here is clearly X.",
        "An apt name: X",
        "Journey #3: X",
        "Interest journey name → X",
        "Final: X",
        "My guess: X",
        "In 2 words: X",
        "To summarize: X",
        "TL;DR: X",
        "Oh, that's easy! X.",
        "Here you go: X!",
        "Here you go - X",
        "Et voilà : X",
        "Done. X",
        "Fertig: X",
        "Aquí tienes: X",
        "Um, X",
        "Ans: X",
        "X | Bebop guitar | Swing rhythm",
        "X // bebop",
        "X; Bebop lines; Swing",
        "X • Bebop",
        "X #jazz #guitar",
        "~X~",
        "[English] X",
        "**[English]** X",
        "[Name] X",
        "[Name]: X",
        "Name [English]: X",
        "Name (English): X",
        "Nombre (español): X",
        "(English) X",
        "X (en)",
        'Sure thing — "X" works well here.',
        "- [x] X",
        "➤ X",
        "i. X",
        "~~X~~",
        "==X==",
        "<<X>>",
        "{{X}}",
        "X [^1^]",
        "X (0.93)",
        "X: 95%",
        "Name: X | Confidence: 0.9",
        "X because all the titles are about bebop",
        "X -- because the titles concern bebop",
        "X, reflecting a passion for music",
        '{"X"}',
        'return "X"',
        "Assistant> X",
        "Ich schlage „X“ vor.",
        "Klar, gerne! Der Name lautet: X",
        'Podríamos llamarlo "X"',
        "Le nom pourrait être : X",
        '"X"가 어떨까요?',
        "この興味は「X」と名付けます。",
        "Xです。",
        "Conclusion: X",
        "I choose: X",
        '"X" seems right',
        "const name = 'X';",
        'name := "X"',
        'echo "X"',
        "// X",
        "/* X */",
        '<name value="X"/>',
        "<interest name='X'></interest>",
        "X입니다.",
        'يمكن تسميته "X"',
        '"X" olabilir.',
    ],
)
def test_words_about_the_reply_around_a_name_go(reply: str) -> None:
    assert clean_output(reply.replace("X", NAME), JAZZ) == NAME


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("[ASMR] guitar lines", ("[ASMR] guitar for sleep", "Quiet guitar lines")),
        ("[REC] horror", ("[REC] 2", "Spanish horror")),
        ("C++ vector<int> tricks", ("vector<int> in C++", "C++ templates")),
        ("Learning <canvas> drawing", ("The <canvas> tag", "Drawing in HTML")),
        ("I Can’t Stop: Flux Pavilion", ("I Can't Stop by Flux Pavilion", "Dubstep classics")),
        ("I Can't Get No Satisfaction: Stones", ("I Can't Get No Satisfaction", "Paint It Black")),
        ("Sure Thing: Miguel R&B", ("Sure Thing by Miguel", "Slow jams")),
        ("Here Is the News: ELO", ("ELO: Here Is the News", "The album Time")),
        ("Yes: prog rock", ("Yes live in 1973", "Steve Howe")),
        ("Okay: a short film", ("Okay, a film about calm", "Short films")),
        ("Given: anime and manga", ("Given the anime", "Manga of the month")),
        ("After Life: Ricky Gervais", ("After Life, second season", "Gervais on stage")),
        ("From Dusk Till Dawn: vampires", ("From Dusk Till Dawn", "Vampire films")),
        ("The Best of Enemies: documentary", ("The Best of Enemies", "Buckley and Vidal")),
        ("The Name of the Rose: Umberto Eco", ("The Name of the Rose", "Eco on libraries")),
        ("Your Name: Shinkai anime", ("Your Name and its music", "Weathering with You")),
        ("Title IX: sports law", ("Title IX explained", "Women in sports law")),
        ("Title fights: boxing", ("The title fight of 1974", "Boxing history")),
        ("Ad: marketing", ("Ad copy that sells", "How to test an ad")),
        ("A: an indie game", ("A: the game and its maker", "Indie games")),
        ("My Name Is Khan", ("My Name Is Khan and Bollywood", "Shah Rukh Khan")),
        ("Jeopardy! The champions of guitar", ("Jeopardy! champions", "A guitar quiz")),
        ("Title: Jeopardy!", ("Title: Jeopardy!", "A quiz")),
        ("She Loves You: the Beatles", ("She Loves You", "The Beatles live")),
        ("Someone Like You: Adele", ("Someone Like You", "Adele live")),
        ("Call It Love: soul", ("Call It Love, a song", "Soul music")),
        ("Journey #3: the saga", ("Journey #3", "A saga in parts")),
        ("English: irregular verbs", ("English for beginners", "Irregular verbs")),
        ("Language schools (English)", ("Schools of English", "Language travel")),
        ("Steins; Gate; anime", ("Steins; Gate, first season", "Time travel anime")),
        ("Coding | live", ("Morning coding | live", "Evening coding | live")),
        ("Protests #MeToo", ("The year of #MeToo", "Protests")),
        ("Done: a novel", ("Done, the novel", "Novels")),
    ],
)
def test_parts_of_a_name_that_titles_have_stay(name: str, titles: tuple[str, ...]) -> None:
    assert clean_output(name, titles) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Sultry guitar [gif]", "Sultry guitar"),
        ("Topic modeling: guitar tabs", "Topic modeling: guitar tabs"),
        ("Interest rates: central banks", "Interest rates: central banks"),
        ("Short stories - guitar players", "Short stories - guitar players"),
        ("Guitar models (vintage)", "Guitar models (vintage)"),
        ('The "Blue in Green" sessions', 'The "Blue in Green" sessions'),
        ("Guitar is the best instrument", "Guitar is the best instrument"),
        ("JSON: schemas and APIs", "JSON: schemas and APIs"),
        ("Name that tune games", "Name that tune games"),
        ("Journey 2: The Mysterious Island", "Journey 2: The Mysterious Island"),
        ("Happy guitar hits!", "Happy guitar hits!"),
        ("Film scores on the guitar", "Film scores on the guitar"),
        ("Guitar score", "Guitar score"),
        ("Guitar gear (AR)", "Guitar gear (AR)"),
        ("Guitar shows (uk)", "Guitar shows (uk)"),
        ("[Blues] guitar", "Blues guitar"),
        ("English: phrasal verbs", "English: phrasal verbs"),
        ("Phrasal verbs (English)", "Phrasal verbs (English)"),
        ("IT: guitar software", "IT: guitar software"),
        ("Done with guitar lessons", "Done with guitar lessons"),
        ("Guitar tabs; guitar tabs; guitar tabs", "Guitar tabs; guitar tabs; guitar tabs"),
    ],
)
def test_names_with_words_about_replies_stay(name: str, expected: str) -> None:
    assert clean_output(name, JAZZ) == expected


@pytest.mark.parametrize(
    ("text", "titles", "expected"),
    [
        ("中国茶文化 (Chinese Tea Culture)", TITLES["zh"], "中国茶文化"),
        ("日本茶の楽しみ方（Nihoncha no tanoshimikata）", TITLES["ja"], "日本茶の楽しみ方"),
        ("Домашний хлеб (Homemade bread)", ("Домашний хлеб на закваске", "Бородинский рецепт"), "Домашний хлеб"),
        ("Jazz guitar (and bebop)", JAZZ, "Jazz guitar (and bebop)"),
    ],
)
def test_a_translation_into_a_script_that_titles_lack_goes(text: str, titles: tuple[str, ...], expected: str) -> None:
    assert validate_name(text, titles, NamingConfig()) == (expected, "")


@pytest.mark.parametrize(
    "name",
    [
        '"Weird Al" parody songs',
        'The sound of "Wes"',
        "'Wes' jazz",
        "«Bebop» guitar",
        "“Bebop” guitar lines",
        "„Bebop“ auf der Gitarre",
        "「Jazz」guitar",
        "Jazz 「guitar」",
        "Rock 'n' roll guitar",
        "Jazz of the '60s",
        "Guitarists' solos",
        "M*A*S*H",
        "5 * 5 puzzles",
        "Guitar (see https://example.com)",
    ],
)
def test_a_quote_whose_pair_is_within_a_name_is_kept(name: str) -> None:
    assert clean_output(name, JAZZ) == name
    assert clean_output(f'"{name}"' if '"' not in name else f"**{name}**", JAZZ) == name


@pytest.mark.parametrize(
    "name", ["*Bebop* guitar", "_Bebop_ guitar", "`Bebop` guitar", r"\"Bebop guitar\"", r"Bebop\_guitar"]
)
def test_emphasis_and_escapes_within_a_name_go(name: str) -> None:
    assert clean_output(name, JAZZ) == "Bebop guitar"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (r"Caf\u00e9 guitar", "Café guitar"),
        ("CafÃ© guitar", "Café guitar"),
        ("PÃ¢te feuilletÃ©e", "Pâte feuilletée"),
        ("Caf<0xC3><0xA9> guitar", "Café guitar"),
        ("JazzĠguitarĠtechniques", NAME),
        ("ĠJazzĠguitarĠtechniquesĊĊReason:Ġbebop", NAME),
        ("▁Jazz▁guitar▁techniques", NAME),
        ("Ｊａｚｚ guitar techniques", NAME),
        ("Ġgantija guitar", "Ġgantija guitar"),
        (r"AC\DC guitar", r"AC\DC guitar"),
        ("Chansons de SÃO guitar", "Chansons de SÃO guitar"),
    ],
)
def test_characters_that_stand_for_others_are_written_out(text: str, name: str) -> None:
    assert clean_output(text, JAZZ) == name


def test_characters_that_titles_have_stay() -> None:
    assert clean_output("ＡＢＣ guitar", ("ＡＢＣ live", "Guitar")) == "ＡＢＣ guitar"
    assert clean_output("▁▂▃ guitar", ("▁▂▃ on a guitar", "Guitar")) == "▁▂▃ guitar"
    assert validate_name("Guitar \ufffd", ("Guitar \ufffd live", "Song \ufffd"), NamingConfig()).name == "Guitar \ufffd"


def test_a_name_with_octets_that_could_not_be_decoded_is_malformed() -> None:
    assert validate_name("Caf\ufffd guitar", JAZZ, NamingConfig()) == ("", "malformed")


@pytest.mark.parametrize("reply", ["#MeToo", "# #MeToo", "**#MeToo**", "#MeToo and feminism", "Name: #MeToo films"])
def test_a_mark_before_a_word_stays_if_titles_have_it(reply: str) -> None:
    titles = ("#MeToo history", "Feminism today")
    assert clean_output(reply, titles).startswith("#MeToo")
    assert clean_output(reply, JAZZ).startswith("MeToo")


@pytest.mark.parametrize("reply", ["1984", "**1984**", "Name: 1984", '"1984"'])
def test_a_number_is_a_name_if_titles_have_it(reply: str) -> None:
    titles = ("Orwell 1984 summary", "1984 audiobook", "Animal Farm")
    assert validate_name(reply, titles, NamingConfig()) == ("1984", "")
    assert validate_name("1984", ("Orwell 1984", "Animal Farm"), NamingConfig()).rejection == "blank"
    assert validate_name("1984", JAZZ, NamingConfig()).rejection == "blank"


@pytest.mark.parametrize("name", ["« Tatin » et guitare", "Guitare « Tatin »"])
def test_a_quote_keeps_its_spaces(name: str) -> None:
    assert clean_output(name, JAZZ) == name
