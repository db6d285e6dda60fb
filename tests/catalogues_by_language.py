"""Small catalogues of the same four themes in several languages, and logs of users with two themes each."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

THEMES = ("coffee", "cat", "bicycle", "bread")

TITLES: dict[str, dict[str, list[str]]] = {
    "en": {
        "coffee": [
            "Which grinder is the right one for my coffee",
            "Coffee from the pot or from the machine",
            "When the coffee is too bitter",
            "How much coffee do you need for it",
            "With or without milk: our test of the coffee",
            "Why do they roast their coffee themselves",
            "The best coffee for the office",
            "This is how a good coffee is made at home",
        ],
        "cat": [
            "Why does the cat not want to eat",
            "What does the cat do when she is alone",
            "When the cat is too fat",
            "Two animals, one cat and one flat",
            "With the cat to the vet",
            "Can you go for a walk with the cat",
            "My cat and I on the sofa",
            "How to train a cat without stress",
        ],
        "bicycle": [
            "Which bicycle is for me",
            "May you leave a bicycle outside",
            "How do you true the wheels of a bicycle",
            "My bicycle and I on the Danube",
            "When the chain of the bicycle is too loose",
            "Over the mountains with the bicycle",
            "What should you watch when you buy a bicycle",
            "A bicycle for the whole family",
        ],
        "bread": [
            "Bread like at grandma's",
            "Bread from your own oven",
            "Why is my bread so hard",
            "Which flour is for which bread",
            "A bread without yeast",
            "When the bread does not rise",
            "How long should you let a bread rest",
            "This is how you bake the best bread in a pot",
        ],
    },
    "de": {
        "coffee": [
            "Welche Mühle ist die richtige für meinen Kaffee",
            "Kaffee aus der Kanne oder aus der Maschine",
            "Wenn der Kaffee zu bitter ist",
            "Wie viel Kaffee braucht man dafür",
            "Mit oder ohne Milch: unser Test vom Kaffee",
            "Warum rösten sie ihren Kaffee selbst",
            "Der beste Kaffee für das Büro",
            "So gelingt ein guter Kaffee zu Hause",
        ],
        "cat": [
            "Warum will die Katze nicht fressen",
            "Was macht die Katze, wenn sie allein ist",
            "Wenn die Katze zu dick ist",
            "Zwei Tiere, eine Katze und eine Wohnung",
            "Mit der Katze zum Tierarzt",
            "Kann man mit der Katze spazieren gehen",
            "Meine Katze und ich auf dem Sofa",
            "Wie man eine Katze ohne Stress erzieht",
        ],
        "bicycle": [
            "Welches Fahrrad ist für mich",
            "Darf man ein Fahrrad draußen lassen",
            "Wie zentriert man die Räder am Fahrrad",
            "Mein Fahrrad und ich an der Donau",
            "Wenn die Kette vom Fahrrad zu locker ist",
            "Mit dem Fahrrad über die Berge",
            "Worauf man achten soll, wenn man ein Fahrrad kauft",
            "Ein Fahrrad für die ganze Familie",
        ],
        "bread": [
            "Brot wie bei der Oma",
            "Brot aus dem eigenen Ofen",
            "Warum ist mein Brot so hart",
            "Welches Mehl ist für welches Brot",
            "Ein Brot ohne Hefe",
            "Wenn das Brot nicht aufgeht",
            "Wie lange soll man ein Brot ruhen lassen",
            "So backt man das beste Brot im Topf",
        ],
    },
    "fr": {
        "coffee": [
            "Quel moulin est le bon pour mon café",
            "Le café de la cafetière ou de la machine",
            "Quand le café est trop amer",
            "Combien de café faut-il pour cela",
            "Avec ou sans lait : notre test du café",
            "Pourquoi torréfient-ils eux-mêmes leur café",
            "Le meilleur café pour le bureau",
            "Voici comment on fait un bon café chez soi",
        ],
        "cat": [
            "Pourquoi le chat ne veut-il pas manger",
            "Que fait le chat quand il est seul",
            "Quand le chat est trop gros",
            "Deux animaux, un chat et un appartement",
            "Avec le chat chez le vétérinaire",
            "Peut-on se promener avec le chat",
            "Mon chat et moi sur le canapé",
            "Comment éduquer un chat sans stress",
        ],
        "bicycle": [
            "Quel vélo est fait pour moi",
            "Peut-on laisser un vélo dehors",
            "Comment centrer les roues d'un vélo",
            "Mon vélo et moi le long du Danube",
            "Quand la chaîne du vélo est trop lâche",
            "À vélo par-dessus les montagnes",
            "Ce qu'il faut regarder quand on achète un vélo",
            "Un vélo pour toute la famille",
        ],
        "bread": [
            "Du pain comme chez ma grand-mère",
            "Du pain qui sort de votre propre four",
            "Pourquoi mon pain est-il si dur",
            "Quelle farine pour quel pain",
            "Un pain sans levure",
            "Quand le pain ne lève pas",
            "Combien de temps faut-il laisser reposer le pain",
            "C'est ainsi qu'on cuit le meilleur pain en cocotte",
        ],
    },
    "es": {
        "coffee": [
            "Qué molinillo es el adecuado para mi café",
            "El café de la cafetera o de la máquina",
            "Cuando el café está demasiado amargo",
            "Cuánto café se necesita para eso",
            "Con o sin leche: nuestra prueba del café",
            "Por qué tuestan ellos mismos su café",
            "El mejor café para la oficina",
            "Así se hace un buen café en casa",
        ],
        "cat": [
            "Por qué el gato no quiere comer",
            "Qué hace el gato cuando está solo",
            "Cuando el gato está demasiado gordo",
            "Dos animales, un gato y un piso",
            "Con el gato al veterinario",
            "Se puede pasear con el gato",
            "Mi gato y yo en el sofá",
            "Cómo educar a un gato sin estrés",
        ],
        "bicycle": [
            "Qué bicicleta es para mí",
            "Se puede dejar la bicicleta fuera",
            "Cómo se centran las ruedas de una bicicleta",
            "Mi bicicleta y yo por el Danubio",
            "Cuando la cadena de la bicicleta está floja",
            "En bicicleta por las montañas",
            "En qué hay que fijarse cuando se compra una bicicleta",
            "Una bicicleta para toda la familia",
        ],
        "bread": [
            "Pan como el de la abuela",
            "Pan de tu propio horno",
            "Por qué mi pan está tan duro",
            "Qué harina es para qué pan",
            "Un pan sin levadura",
            "Cuando el pan no sube",
            "Cuánto tiempo hay que dejar reposar el pan",
            "Así se hornea el mejor pan en olla",
        ],
    },
    "ko": {
        "coffee": [
            "내 커피에 맞는 그라인더는 무엇일까",
            "주전자 커피와 머신 커피의 차이",
            "커피가 너무 쓸 때",
            "이때 커피는 얼마나 필요할까",
            "우유를 넣을까 말까: 커피 테스트",
            "왜 그들은 커피를 직접 볶을까",
            "사무실을 위한 최고의 커피",
            "집에서 맛있는 커피를 내리는 방법",
        ],
        "cat": [
            "고양이가 왜 밥을 먹지 않을까",
            "혼자 있을 때 고양이는 무엇을 할까",
            "고양이가 너무 뚱뚱할 때",
            "두 동물, 고양이와 아파트",
            "고양이와 함께 동물병원에",
            "고양이와 산책할 수 있을까",
            "소파 위의 고양이와 나",
            "스트레스 없이 고양이를 훈련하는 방법",
        ],
        "bicycle": [
            "나에게 맞는 자전거는 무엇일까",
            "자전거를 밖에 두어도 될까",
            "자전거 바퀴를 바로잡는 방법",
            "강가에서 자전거와 나",
            "자전거의 체인이 너무 느슨할 때",
            "자전거로 산을 넘어",
            "자전거를 살 때 무엇을 봐야 할까",
            "온 가족을 위한 자전거",
        ],
        "bread": [
            "할머니가 만든 것 같은 빵 굽기",
            "우리 집 오븐에서 나온 빵",
            "내 빵은 왜 이렇게 딱딱할까",
            "어떤 빵에 어떤 밀가루를 쓸까",
            "이스트 없이 만드는 빵",
            "빵이 부풀지 않을 때",
            "빵을 얼마나 쉬게 해야 할까",
            "냄비에서 최고의 빵을 굽는 방법",
        ],
    },
    "ja": {
        "coffee": [
            "私のコーヒーに合うミルはどれか",
            "ポットのコーヒーとマシンのコーヒー",
            "コーヒーが苦すぎるとき",
            "コーヒーはどのくらい必要か",
            "牛乳を入れるか入れないか:コーヒーのテスト",
            "なぜ彼らはコーヒーを自分で焙煎するのか",
            "オフィスのための最高のコーヒー",
            "家でおいしいコーヒーを淹れる方法",
        ],
        "cat": [
            "猫はなぜ食べたくないのか",
            "ひとりのとき猫は何をしているのか",
            "猫が太りすぎたとき",
            "二匹の動物、猫とマンション",
            "猫と一緒に動物病院へ",
            "猫と散歩できるのか",
            "ソファの上の猫と私",
            "ストレスなしで猫をしつける方法",
        ],
        "bicycle": [
            "私に合う自転車はどれか",
            "自転車を外に置いてもいいのか",
            "自転車の車輪の振れをとる方法",
            "川沿いの自転車と私",
            "自転車のチェーンがゆるいとき",
            "自転車で山を越える",
            "自転車を買うときに見るべきこと",
            "家族みんなのための自転車",
        ],
        "bread": [
            "おばあちゃんのようなパン",
            "自分のオーブンで焼いたパン",
            "私のパンはなぜこんなに硬いのか",
            "どのパンにどの小麦粉を使うのか",
            "イーストなしのパン",
            "パンがふくらまないとき",
            "パンをどのくらい休ませるのか",
            "鍋で最高のパンを焼く方法",
        ],
    },
    "th": {
        "coffee": [
            "เครื่องบดแบบไหนเหมาะกับกาแฟของฉัน",
            "กาแฟจากกาหรือจากเครื่อง",
            "เมื่อกาแฟขมเกินไป",
            "ต้องใช้กาแฟเท่าไหร่",
            "ใส่นมหรือไม่ใส่นม ทดสอบกาแฟของเรา",
            "ทำไมพวกเขาคั่วกาแฟเอง",
            "กาแฟที่ดีที่สุดสำหรับสำนักงาน",
            "วิธีชงกาแฟอร่อยที่บ้าน",
        ],
        "cat": [
            "ทำไมแมวไม่ยอมกินข้าว",
            "แมวทำอะไรเมื่ออยู่ตัวเดียว",
            "เมื่อแมวอ้วนเกินไป",
            "สัตว์สองตัว แมวกับห้องพัก",
            "พาแมวไปหาสัตวแพทย์",
            "เดินเล่นกับแมวได้ไหม",
            "แมวกับฉันบนโซฟา",
            "วิธีฝึกแมวโดยไม่เครียด",
        ],
        "bicycle": [
            "จักรยานแบบไหนเหมาะกับฉัน",
            "ทิ้งจักรยานไว้ข้างนอกได้ไหม",
            "วิธีตั้งล้อจักรยาน",
            "จักรยานกับฉันริมแม่น้ำ",
            "เมื่อโซ่จักรยานหลวมเกินไป",
            "ปั่นจักรยานข้ามภูเขา",
            "ต้องดูอะไรเมื่อซื้อจักรยาน",
            "จักรยานสำหรับทุกคนในครอบครัว",
        ],
        "bread": [
            "ขนมปังเหมือนของคุณยาย",
            "ขนมปังจากเตาอบของคุณเอง",
            "ทำไมขนมปังของฉันแข็งมาก",
            "แป้งแบบไหนใช้กับขนมปังแบบไหน",
            "ขนมปังไม่ใส่ยีสต์",
            "เมื่อขนมปังไม่ขึ้นฟู",
            "ต้องพักขนมปังนานเท่าไหร่",
            "วิธีอบขนมปังที่ดีที่สุดในหม้อ",
        ],
    },
    "ar": {
        "coffee": [
            "ما هي المطحنة المناسبة لقهوتي",
            "القهوة من الإبريق أو من الآلة",
            "عندما تكون القهوة مرة جدا",
            "كم من القهوة نحتاج لذلك",
            "مع الحليب أو بدونه: اختبار القهوة",
            "لماذا يحمصون القهوة بأنفسهم",
            "أفضل قهوة في المكتب",
            "هكذا تصنع قهوة جيدة في البيت",
        ],
        "cat": [
            "لماذا لا تريد القطة أن تأكل",
            "ماذا تفعل القطة عندما تكون وحدها",
            "عندما تكون القطة سمينة جدا",
            "حيوانان، قطة وشقة",
            "مع القطة إلى الطبيب البيطري",
            "هل يمكن المشي مع القطة",
            "القطة وأنا على الأريكة",
            "كيف تربي قطة بدون توتر",
        ],
        "bicycle": [
            "أي دراجة هي المناسبة لي",
            "هل يمكن ترك الدراجة في الخارج",
            "كيف نضبط عجلات الدراجة",
            "الدراجة وأنا على ضفة النهر",
            "عندما تكون سلسلة الدراجة مرتخية",
            "بالدراجة فوق الجبال",
            "ما الذي يجب مراعاته عند شراء دراجة",
            "دراجة لكل العائلة",
        ],
        "bread": [
            "خبز مثل خبز الجدة",
            "الخبز من فرنك الخاص",
            "لماذا الخبز قاس إلى هذا الحد",
            "أي طحين لأي خبز",
            "خبز بدون خميرة",
            "عندما لا يرتفع الخبز",
            "كم من الوقت يجب ترك الخبز يرتاح",
            "هكذا تخبز أفضل خبز في القدر",
        ],
    },
    "ru": {
        "coffee": [
            "Какая кофемолка подойдёт для моего кофе",
            "Кофе из турки или из машины",
            "Когда кофе слишком горький",
            "Сколько кофе для этого нужно",
            "С молоком или без: наш тест кофе",
            "Почему они сами обжаривают кофе",
            "Лучший кофе для офиса",
            "Вот как сварить хороший кофе дома",
        ],
        "cat": [
            "Почему кошка не хочет есть",
            "Что делает кошка, когда она одна",
            "Когда кошка слишком толстая",
            "Два животных, кошка и квартира",
            "С кошкой к ветеринару",
            "Можно ли гулять с кошкой",
            "Моя кошка и я на диване",
            "Как воспитать кошку без стресса",
        ],
        "bicycle": [
            "Какой велосипед для меня",
            "Можно ли оставлять велосипед на улице",
            "Как выровнять колёса велосипеда",
            "Мой велосипед и я у Дуная",
            "Когда цепь велосипеда слишком слабая",
            "На велосипеде через горы",
            "На что смотреть, когда покупаешь велосипед",
            "Велосипед для всей семьи",
        ],
        "bread": [
            "Хлеб как у бабушки",
            "Хлеб из собственной печи",
            "Почему мой хлеб такой твёрдый",
            "Какая мука для какого хлеба",
            "Хлеб без дрожжей",
            "Когда хлеб не поднимается",
            "Сколько должен отдыхать хлеб",
            "Вот как испечь лучший хлеб в кастрюле",
        ],
    },
}
"""Titles by language and theme; those of one row are translations of each other."""


def write_catalogue(folder: Path, *languages: str, users: int = 40, seed: int = 1) -> tuple[Path, Path]:
    """Write a log and a catalogue in one or several languages; item ids begin with the theme.

    Args:
        folder: an existing folder.
        languages: keys of `TITLES`; a user reads one language.
        users: number of users of each language, each with two themes of four to six items.
        seed: random seed.

    Returns:
        The files of the log and of the catalogue.
    """
    generator = random.Random(seed)
    items = [
        {"item_id": f"{theme}-{language}{number}", "title": title}
        for language in languages
        for theme in THEMES
        for number, title in enumerate(TITLES[language][theme])
    ]
    log = []
    for language in languages:
        for user in range(users):
            consumed = [
                f"{theme}-{language}{number}"
                for theme in generator.sample(THEMES, 2)
                for number in generator.sample(range(8), generator.randint(4, 6))
            ]
            generator.shuffle(consumed)
            log += [
                {"user_id": f"u-{language}{user}", "item_id": item, "timestamp": 1_700_000_000 + 50_000 * step}
                for step, item in enumerate(consumed)
            ]
    pq.write_table(pa.Table.from_pylist(log), folder / "log.parquet")
    pq.write_table(pa.Table.from_pylist(items), folder / "items.parquet")
    return folder / "log.parquet", folder / "items.parquet"


def one_theme_fraction(journeys: pa.Table) -> float:
    """Return the fraction of journeys all of whose items are of one theme."""
    themes = [{item.partition("-")[0] for item in items} for items in journeys["item_ids"].to_pylist()]
    return sum(len(found) == 1 for found in themes) / max(len(themes), 1)
