import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text_cleaning.markup import clean_text


@pytest.mark.parametrize(
    ("title", "tidied"),
    [
        ("  Two\t words\n", "Two words"),
        ("Pok\\u00e9mon", "Pokémon"),
        ("\\u30e1\\u30bf\\u30eb gear", "メタル gear"),
        ("Smile \\ud83d\\ude00 please", "Smile please"),
        ("Half a pair \\ud83d here", "Half a pair here"),
        ("Salt &amp; pepper", "Salt & pepper"),
        ("A\u200bB\u202e C", "A B C"),
        ("Vue starter ↗", "Vue starter"),
        ("→ Nostalgia → Art", "Nostalgia → Art"),
        ("🔥 Hot 🚀 takes 🔥", "Hot takes"),
        ("Redwall :fire:", "Redwall"),
        ("Redwall :fire", "Redwall"),
        ("bookmark\\tabs: Datasets", "Datasets"),
        ("glitch_art: databending", "glitch_art: databending"),
        ("at 10:30:15 sharp", "at 10:30:15 sharp"),
        ("- item", "item"),
        ("3) Third chapter", "Third chapter"),
        ("1. FC K\u00f6ln", "1. FC K\u00f6ln"),
        ("2. Weltkrieg", "2. Weltkrieg"),
        ("\u2116 5 by Chanel, 20\u2103 and 100\u33a1", "\u2116 5 by Chanel, 20\u2103 and 100\u33a1"),
        ("HTML <div> vs <span>", "HTML <div> vs <span>"),
        ("The <head> element", "The <head> element"),
        ("<div>Closed</div> and <span>", "Closed and"),
        ("<b>Begins bold", "Begins bold"),
        ("One<br>two<p>three<li>four", "One two three four"),
        ("<div class='x'>With an attribute", "With an attribute"),
        ("1984", "1984"),
        ("# Heading", "Heading"),
        ("C# and F#", "C# and F#"),
        ("**Bold** and *slanted* and `code`", "Bold and slanted and code"),
        ("a*b*c is no emphasis", "a*b*c is no emphasis"),
        ("snake_case_name and __init__ file", "snake_case_name and init file"),
        ("[Flask](https://example.org/flask) guide", "Flask guide"),
        ("Trailer [HD] (2013)", "Trailer [HD] (2013)"),
        ("ios\\_system", "ios_system"),
        ("pyramid\\rpc", "pyramid_rpc"),
        ("\\[akka\\]", "[akka]"),
        ("Dreamy Hollow : $b a Long Island romance", "Dreamy Hollow: a Long Island romance"),
        ("The summer holidays; $b a story", "The summer holidays: a story"),
        ("Under $5 meals", "Under $5 meals"),
        ("Copyright © and Brand™", "Copyright © and Brand™"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("* — *", ""),
        ("Salt &amp;amp;amp; &quot;pepper&quot", 'Salt & "pepper"'),
        ("Caf&eacute;&nbsp;noir &#39;24 &#x27;", "Café noir '24 '"),
        ("R&D at AT&T &unknown;", "R&D at AT&T &unknown;"),
        ("<li>One</li><li>two</li>", "One two"),
        ("H<sub>2</sub>O<br/>and <a href='x'>more</a>", "H2O and more"),
        ("gear &lt;2024&gt; std::vector<int>", "gear <2024> std::vector<int>"),
        ("<script>alert(1)</script>Text<!-- hidden -->", "Text"),
        ("&lt;b&gt;Bold&lt;/b&gt;", "Bold"),
        ("Hello {{ user.name }}, {% if x %}welcome ${title}", "Hello , welcome"),
        ("Price of %(item)s and {0} %s", "Price of and"),
        ("50% off, 100%", "50% off, 100%"),
        ("a set {1, 2} of braces", "a set {1, 2} of braces"),
        ("Blue%20mug%20large", "Blue mug large"),
        ("[b]Bold[/b] [url=http://x]link[/url]", "Bold link"),
        ("[[Berlin|The city]] and [[Paris]]", "The city and Paris"),
        ("Kaf\u00adfee", "Kaffee"),
        ("Line one\\nLine two\\r\\n3", "Line one Line two 3"),
        ("A size\\t, react\\native", "A size_t, react_native"),
        ("AC\\DC live", "AC\\DC live"),
        ("if (a<b && c>d) return", "if (a<b && c>d) return"),
        ("a<b class='x'>bold</b > word", "abold word"),
        ("\U0001f469\u200d\U0001f469\u200d\U0001f467 family \U0001f3f3\ufe0f\u200d\U0001f308", "family"),
        ("\U0001f469\u200d\U0001f4bb", ""),
        ("\u0d05\u0d35\u0d28\u0d4d\u200d", "\u0d05\u0d35\u0d28\u0d4d\u200d"),
        ("Caf\\xe9 and caf\\xc3\\xa9 and caf\\u{e9}", "Café and café and café"),
        ('It\\\'s \\"quoted\\"', 'It\'s "quoted"'),
        ('Schr\\"odinger', 'Schr\\"odinger'),
        ("AT&ampT", "AT&T"),
        ("100%25 cotton", "100% cotton"),
        ("Caf\u00c3\u00a9 don\u00e2\u20ac\u2122t", "Café don’t"),
        ("IRM\u00c3\u00ae", "IRM\u00c3\u00ae"),
        ("![img](http://x/y.png) Caption", "img Caption"),
        ("[Tea](https://a.b/c_(d) 'Tea') pots", "Tea pots"),
        ("***Both*** and ****four****", "Both and four"),
        ("<details><summary>Hi</summary>there</details>", "Hi there"),
        ("<svg width=1><path d='M0'/></svg>Hi <source src='x'>", "Hi"),
        ("<noscript>x</noscript> <o:p></o:p>y", "x y"),
        ("<ruby>漢<rt>かん</rt></ruby>字", "漢 かん 字"),
        ("title <br", "title"),
        ("title <span class='x", "title"),
        ("Learning <canvas> drawing", "Learning <canvas> drawing"),
        ("a <b", "a <b"),
        ("{NAME} {ProductName} {$name} {user.first-name} pots", "pots"),
        ("%TITLE% %1$s $(name) {# note #} {{{raw}}} [%name%] *|FNAME|* __TITLE__ pots", "pots"),
        ("{DNA} of %PATH% in $(document)", "{DNA} of %PATH% in $(document)"),
        ("Tea <|im_start|> <｜User｜> pots", "Tea pots"),
        ("[INST] Tea [/INST] <<SYS>> <start_of_turn> [gMASK] pots ◁think▷", "Tea pots"),
        ("&lt;|im_end|&gt; Tea", "Tea"),
        ("F# <| and |> [ASMR]", "F# <| and |> [ASMR]"),
        ("", ""),
    ],
)
def test_titles_are_written_as_a_person_would(title: str, tidied: str) -> None:
    assert clean_text(title) == tidied


@given(st.text(max_size=60))
def test_what_is_left_is_one_line_without_blanks_at_its_ends(title: str) -> None:
    tidied = clean_text(title)
    assert tidied == " ".join(tidied.split())


@given(st.lists(st.sampled_from(["Alpine", "climbing", "in", "1902", "Zürich", "日本"]), min_size=1, max_size=6))
def test_plain_titles_stay(words: list[str]) -> None:
    assert clean_text(" ".join(words)) == " ".join(words)
