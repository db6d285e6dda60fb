import pytest

from tests.transforms.naming.model_replies import TITLES
from transforms.naming.config import NamingConfig
from transforms.naming.generic_names import is_generic
from transforms.naming.validation import check_reply, validate_name

CONFIG = NamingConfig()
JAZZ = TITLES["jazz"]
MORE_TITLES = {
    **TITLES,
    "fr": ("Recette de la tarte tatin", "Pâte feuilletée maison", "Tarte aux pommes facile"),
    "it": ("Ricetta del pane fatto in casa", "Lievito madre fresco", "Pane di segale"),
    "pt": ("Receita de pão caseiro", "Fermento natural passo a passo", "Pão de centeio"),
    "pl": ("Przepis na chleb żytni", "Zakwas na chleb", "Domowy chleb na zakwasie"),
    "ru": ("Как испечь хлеб дома", "Закваска для ржаного хлеба", "Бородинский хлеб рецепт"),
    "tr": ("Ekşi mayalı ekmek tarifi", "Evde ekmek yapımı", "Tam buğday ekmeği"),
    "ar": ("طريقة عمل الخبز في المنزل", "خبز العجين المخمر", "وصفات الخبز العربي"),
    "hi": ("घर पर रोटी बनाने की विधि", "आटा गूंथने का तरीका", "तंदूरी रोटी रेसिपी"),
    "th": ("วิธีทำขนมปังโฮมเมด", "สูตรขนมปังนุ่ม", "ขนมปังโฮลวีต"),
    "vi": ("Cách làm bánh mì tại nhà", "Bánh mì men tự nhiên", "Công thức bánh mì lúa mạch"),
}


def rejection_of(text: str, titles: tuple[str, ...]) -> str:
    """Validate a reply in which no name can be found."""
    name, rejection = validate_name(text, titles, CONFIG)
    assert rejection, f"{name!r} is accepted"
    return rejection


@pytest.mark.parametrize(
    "text",
    [
        "```json\n{",
        "```json",
        "```json\n```",
        "```python",
        "```yaml\n```",
        "```json\n[\n",
        "json",
        "yaml",
        "json {",
        "json: opening",
        'json: {"name": "Jazz gui',
        "json\n{",
    ],
)
def test_the_beginning_of_a_code_block_or_of_json_is_malformed(text: str) -> None:
    assert rejection_of(text, JAZZ) == "malformed"


@pytest.mark.parametrize(
    "text",
    [
        "Sure, I can help with that!",
        "I'd love to help with this.",
        "Hi! What would you like me to do with it?",
        "I hope this helps with your guitar practice!",
        "I need more context about the guitar practice titles.",
        "What would you like to know about jazz guitar?",
        "It appears the guitar titles are incomplete.",
        "Please send more guitar titles",
        "Insufficient data about guitar",
        "The user is interested in guitar, so I should name it",
        "The user seems to be interested in guitar, so let me think about it. The titles mention bebop",
        "Let me look at the guitar titles",
        "Let me think about the guitar titles",
        "Wait, the guitar titles are about bebop",
        "I will name this guitar interest",
        "The user has watched guitar videos",
        "These guitar videos share bebop",
        "My task is to name the guitar titles",
        "Given the guitar titles, I should find a name",
        "Now I will name the guitar titles",
        "Based on the guitar titles",
        "Step 1: Analyze the guitar titles",
        "Bebop guitar, so let's go with that",
        "Okay, these guitar titles mention bebop",
    ],
)
def test_sentences_to_the_user_are_no_names_although_they_have_words_of_titles(text: str) -> None:
    assert rejection_of(text, JAZZ) in ("no_name", "refused")


@pytest.mark.parametrize(
    ("journey", "text"),
    [
        ("jazz", "I don't have enough information about the guitar titles"),
        ("jazz", "Request denied."),
        ("jazz", "Not enough information to name the guitar interest"),
        ("jazz", "No name can be given for these guitar titles."),
        ("jazz", "The titles do not share a common theme"),
        ("jazz", "It is not possible to determine"),
        ("jazz", "I cannot label these guitar titles"),
        ("jazz", "These guitar titles do not seem related"),
        ("jazz", "Ik kan u daar helaas niet mee helpen"),
        ("jazz", "Dit verzoek kan niet"),
        ("jazz", "Jeg kan desværre ikke hjælpe med det"),
        ("jazz", "Jag kan inte hjälpa till med det"),
        ("jazz", "Nemohu ti s tím pomoci"),
        ("jazz", "Nu vă pot ajuta cu această cerere"),
        ("jazz", "Ma ei saa sellega aidata"),
        ("de", "Dabei kann ich nicht helfen"),
        ("de", "Das kann ich nicht beantworten"),
        ("de", "Für diese Tomaten-Titel gibt es keinen Namen"),
        ("es", "No estoy en condiciones de ayudar con recetas."),
        ("es", "No hay suficiente información sobre la paella"),
        ("fr", "Il m'est impossible de nommer cette recette."),
        ("fr", "En tant qu'IA, je n'ai pas de recette."),
        ("fr", "Aucun nom ne convient à cette tarte"),
        ("it", "Non sono in grado di aiutarti"),
        ("pt", "Não consigo ajudar com essa receita."),
        ("pl", "Nie jestem w stanie nazwać tych przepisów na chleb."),
        ("ru", "Я не умею отвечать на такие вопросы про хлеб."),
        ("ru", "У меня нет информации о хлебе"),
        ("tr", "Ekmek konusunda yardımcı olamıyorum."),
        ("vi", "Không đủ thông tin về bánh mì"),
        ("ar", "ليس بإمكاني تسمية وصفات الخبز."),
        ("hi", "मैं रोटी के बारे में मदद करने में असमर्थ हूँ।"),
        ("th", "ฉันช่วยเรื่องขนมปังไม่ได้"),
        ("zh", "关于茶道的这个问题我不便回答。"),
        ("zh", "作为AI语言模型，我没有办法为茶道命名。"),
        ("ja", "お茶についてはお答えできかねます。"),
        ("ja", "お茶に関する情報が不足しています"),
        ("ko", "김치찌개 제목만으로는 이름을 정하기 어렵습니다."),
    ],
)
def test_refusals_name_the_topic_and_need_no_period(journey: str, text: str) -> None:
    assert rejection_of(text, MORE_TITLES[journey]) in ("refused", "no_name")


@pytest.mark.parametrize(
    ("journey", "text"),
    [
        *(
            ("jazz", text)
            for text in (
                "No name",
                "string",
                '{"name": "string"}',
                "<short name>",
                "Your answer here",
                "Name of the interest",
                "No response",
                "No clear interest",
                "Unclear",
                "Not applicable",
                "Unknown interest",
                "[REFUSED]",
                "Rate limit exceeded",
                "Internal server error",
                "Service unavailable",
                "Assistant:",
                "assistant",
                "final",
                "Sure",
                "Okay",
                "Based on the titles provided",
                "Here's my suggestion",
                "unsafe\nS10",
                "unsafe S1,S2",
                "unsafe",
                "safe",
                "Safety: Unsafe\nCategories: Violent",
                "content_filter",
                "PROHIBITED_CONTENT",
                "SAFETY",
                "[Content removed]",
                "Content filtered due to policy",
                "upstream error",
                "Service temporarily unavailable",
                "true",
                "True",
                "False",
                "No",
                "TBD",
                "[BLOCKED]",
                "Not safe",
                "Error 500",
                "Model is currently loading",
                "Unnamed cluster",
                "Cluster 5",
                "Journey 1",
                "cluster_12",
                "https://example.com/guitar",
                "www.example.com/guitar",
            )
        ),
        ("zh", "好的"),
        ("zh", "以下是名称"),
        ("ja", "はい"),
        ("ja", "以下の通りです"),
        ("ko", "다음은 이름입니다"),
        ("ar", "إليك الاسم"),
        ("de", "Hier ist ein kurzer Name"),
        ("de", "Gerne"),
        ("fr", "Voici un nom"),
        ("es", "Aquí tienes"),
        ("ru", "Вот название"),
        ("ru", "Конечно"),
    ],
)
def test_templates_errors_and_preambles_are_no_names(journey: str, text: str) -> None:
    assert rejection_of(text, MORE_TITLES[journey]) in ("no_name", "refused", "generic", "blank")


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("Sorry for Your Loss", ("Sorry for Your Loss S1", "Sorry for Your Loss trailer")),
        ("Not Enough Time", ("Not Enough Time by INXS", "INXS: Not Enough Time live")),
        ("Not Enough Time for guitar", JAZZ),
        ("Unknown Pleasures", ("Unknown Pleasures at forty", "Joy Division and Unknown Pleasures")),
        ("No Name", ("No Name by Wilkie Collins", "Reading No Name")),
        ("Sure Thing", ("Sure Thing by Miguel", "Miguel sings Sure Thing")),
        ("Final Fantasy", JAZZ),
        ("Rate limiting", JAZZ),
        ("Error handling in Rust", JAZZ),
        ("I Can't Stop dubstep", ("I Can't Stop remix", "Dubstep: I Can't Stop")),
        ("What Is Jazz?", ("What Is Jazz? A lecture", "Bernstein on What Is Jazz?")),
        ("S.W.A.T.", ("S.W.A.T. first season", "The cast of S.W.A.T.")),
        ("JSON Schema", ("JSON Schema basics", "Validation with JSON Schema")),
        ("json", ("json in Go", "Parsing json")),
        ("AI assistants", JAZZ),
        ("Self-help", JAZZ),
        ("Naming things", JAZZ),
        ("The Best of 2017", JAZZ),
        ("How to be a good person", JAZZ),
        ("Interest Groups in Politics", JAZZ),
        ("Court System", JAZZ),
        ("God: The Answer", JAZZ),
        ("Safe", ("Safe: a Netflix series", "The cast of Safe")),
        ("True", ("True by Spandau Ballet", "Singing True")),
        ("Journey 2", ("Journey 2 trailer", "The making of Journey 2")),
        ("Safety in jazz clubs", JAZZ),
        ("Studio 54", JAZZ),
        ("Category 4 hurricanes", JAZZ),
        ("Looking at jazz history", JAZZ),
        ("So I Should Be Happy", ("So I Should Be Happy live", "Singing So I Should Be Happy")),
        ("New Orleans", ("Thank you, New Orleans", "Streets of New Orleans and jazz")),
    ],
)
def test_names_that_resemble_refusals_templates_or_markup_are_names(name: str, titles: tuple[str, ...]) -> None:
    expected = name.rstrip(".")
    assert validate_name(name, titles, CONFIG) == (expected, "")
    assert check_reply(titles, name) == ""


@pytest.mark.parametrize(
    "name",
    [
        "Miscellaneous interests",
        "Mixed interests",
        "Varied content",
        "Eclectic mix",
        "Diverse collection of videos",
        "A variety of topics",
        "YouTube videos",
        "Undetermined",
        "Unidentified interest",
        "Untranslatable",
        "Verschiedene Themen",
        "Vielfältige Interessen",
        "Centres d'intérêt variés",
        "Sujets divers",
        "Varios temas",
        "Intereses variados",
        "Vari argomenti",
        "Conteúdos variados",
        "Diverse onderwerpen",
        "Olika ämnen",
        "Forskellige emner",
        "Erilaisia aiheita",
        "Różne tematy",
        "Různá témata",
        "Vegyes témák",
        "Subiecte diverse",
        "Различные темы",
        "Різні теми",
        "Διάφορα θέματα",
        "Çeşitli konular",
        "Nhiều chủ đề",
        "Berbagai topik",
        "مواضيع متنوعة",
        "נושאים שונים",
        "विभिन्न विषय",
        "หัวข้อต่างๆ",
        "综合兴趣",
        "多样化内容",
        "さまざまなトピック",
        "다양한 주제",
    ],
)
def test_names_that_say_only_that_topics_vary_are_generic(name: str) -> None:
    assert is_generic(name)


@pytest.mark.parametrize(
    "name",
    [
        "Mixed media",
        "Internet of Things",
        "Mixed martial arts",
        "Various artists",
        "Variety shows",
        "General relativity",
        "Random forests",
        "Different Strokes",
        "YouTube content creation",
        "Video games",
        "Personal finance",
        "Variations Goldberg",
        "Vidéos de chats",
        "Temas de física",
        "Allgemeine Chemie",
        "Общая химия",
        "综合格斗",
        "各种面包",
        "総合格闘技",
        "다양한 빵",
        "รวมเพลง",
    ],
)
def test_names_with_words_of_variety_and_a_topic_are_not_generic(name: str) -> None:
    assert not is_generic(name)


@pytest.mark.parametrize(
    ("journey", "text", "reason"),
    [
        ("de", "Der Nutzer interessiert sich für Gemüse im Hochbeet.", "no_name"),
        ("de", "Die Titel handeln von Gemüse im Garten.", "no_name"),
        ("de", "Kein gemeinsames Thema erkennbar", "refused"),
        ("de", "Unbekannt", "generic"),
        ("es", "El usuario disfruta de la paella.", "no_name"),
        ("es", "No hay un tema común", "refused"),
        ("fr", "L'utilisateur s'intéresse à la tarte aux pommes.", "no_name"),
        ("it", "L'utente ama il pane fatto in casa.", "no_name"),
        ("ru", "Пользователь печёт хлеб дома.", "no_name"),
        ("zh", "这位用户喜欢绿茶。", "no_name"),
        ("zh", "未知", "generic"),
        ("ja", "このユーザーは抹茶が好きです。", "no_name"),
        ("ja", "考えてみましょう。", "no_name"),
        ("ko", "사용자는 김치찌개를 좋아합니다.", "reasoning"),
        ("ar", "المستخدم يحب الخبز العربي", "no_name"),
        ("ar", "غير معروف", "generic"),
        ("jazz", "User is a jazz guitar beginner", "no_name"),
        ("jazz", "My name is Claude.", "refused"),
        ("jazz", "A mix of topics", "generic"),
        ("jazz", "Watching videos", "generic"),
        ("jazz", "User preferences", "generic"),
    ],
)
def test_sentences_about_the_user_or_the_titles_are_no_names_in_any_language(
    journey: str, text: str, reason: str
) -> None:
    assert rejection_of(text, MORE_TITLES[journey]) == reason


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("User interface design", ("User interface basics", "Design of forms")),
        ("Nutzer und Recht", ("Nutzer im Netz und ihr Recht", "Datenschutz")),
        ("用户体验设计", ("用户体验入门", "设计原则")),
        ("使用者介面", ("使用者介面設計", "網頁")),
        ("Почему не растёт температура", ("Как измерить", "Печь и жар")),
    ],
)
def test_users_and_words_like_those_of_refusals_can_be_in_a_name(name: str, titles: tuple[str, ...]) -> None:
    assert validate_name(name, titles, CONFIG) == (name, "")
