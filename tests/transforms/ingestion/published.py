"""Small files in exactly the layouts in which logs are published, with rows that are easy to check by hand."""

import gzip
import json
from pathlib import Path

MOVIELENS_CSV = {
    "ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,3,2.5,964981247\n2,1,5.0,1445714835\n",
    "movies.csv": "movieId,title,genres\n1,Toy Story (1995),Adventure|Animation|Children\n"
    '3,"Misérables, Les ""restored"" (1995)",(no genres listed)\n',
    "tags.csv": "userId,movieId,tag,timestamp\n1,1,pixar,1139045764\n2,1,Pixar,1139045764\n2,1,fun,1139045764\n",
    "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n",
    "README.txt": "Summary\n",
}
MOVIELENS_DAT = {
    "ratings.dat": "1::1193::5::978300760\n1::661::3::978302109\n2::1193::4::978298413\n",
    "movies.dat": "661::James: the Giant Peach (1996)::Animation|Children's|Musical\n"
    "1193::Cité des enfants perdus, La (1995)::Adventure|Sci-Fi\n",
    "users.dat": "1::F::1::10::48067\n",
}
MOVIELENS_100K = {
    "u.data": "196\t1\t3\t881250949\n186\t55\t3\t891717742\n",
    "u.item": "".join(
        f"{number}|{title} (1995)|01-Jan-1995||http://us.imdb.com/M/title-exact?{number}|"
        + "|".join("1" if place in flags else "0" for place in range(19))
        + "\n"
        for number, title, flags in ((1, "Toy Story", (3, 4, 5)), (55, "Léon", (0,)))
    ),
    "u.genre": "unknown|0\n",
}
MIND = {
    "train/behaviors.tsv": "1\tU13740\t11/11/2019 9:05:58 AM\tN55189 N42782\tN55689-1 N35729-0\n"
    "2\tU91836\t11/12/2019 6:11:30 PM\t\tN20678-0 N39317-1 N55689-1\n"
    "3\tU91836\t11/15/2019 12:00:05 AM\tN55189\tN20678-0\n",
    "train/news.tsv": 'N55689\tsports\tfootball_nfl\tThe "Broncos" win\tIt\'s a "win".\thttps://x\t[]\t[]\n'
    "N39317\tnews\tnewspolitics\tAnother headline\t\thttps://y\t[]\t[]\n",
    "dev/news.tsv": 'N55689\tsports\tfootball_nfl\tThe "Broncos" win\tIt\'s a "win".\thttps://x\t[]\t[]\n'
    "N20678\tlifestyle\tshop\tA third headline\tText\thttps://z\t[]\t[]\n",
}
_LOG = (
    "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,is_forward,is_hate,long_view,"
    "play_time_ms,duration_ms,profile_stay_time,comment_stay_time,is_profile_enter,is_rand,tab\n"
)
KUAIRAND = {
    "data/log_standard_4_08_to_4_21_1k.csv": _LOG
    + "0,10,20220409,900,1649467982289,1,0,0,0,0,0,0,5332,11450,0,0,0,0,0\n"
    + "0,20,20220409,900,1649467982290,0,0,0,0,0,0,0,0,70100,0,0,0,0,0\n",
    "data/log_random_4_22_to_5_08_1k.csv": _LOG
    + "1,20,20220422,1000,1650592800000,1,0,0,0,0,0,1,60000,70100,0,0,0,1,1\n",
    "data/video_features_basic_1k.csv": "video_id,author_id,video_type,upload_dt,upload_type,visible_status,"
    "video_duration,server_width,server_height,music_id,music_type,tag\n"
    '10,7,NORMAL,2020-07-08,ShortImport,1,11450.0,720,1280,989206467,4.0,"12,65"\n'
    "20,8,AD,2022-04-10,Web,1,70100.0,720,1280,9155697141,9.0,\n",
    "data/user_features_1k.csv": "user_id,user_active_degree\n0,full_active\n",
}


def _lines(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


AMAZON_2023 = {
    "All_Beauty.jsonl": _lines(
        {
            "rating": 5.0,
            "title": "Such a lovely scent",
            "text": "This spray is really nice.",
            "images": [],
            "asin": "B00YQ6X8EO",
            "parent_asin": "B00YQ6X8EO",
            "user_id": "AGKHLEW2SOWHNMFQIJGBECAF7INQ",
            "timestamp": 1588687728923,
            "helpful_vote": 0,
            "verified_purchase": True,
        },
        {
            "rating": 4.0,
            "title": "Works",
            "text": "ok",
            "images": [{"small_image_url": "x"}],
            "asin": "B081TJ8YS3",
            "parent_asin": "B081TJ8YS4",
            "user_id": "AGKHLEW2SOWHNMFQIJGBECAF7INQ",
            "timestamp": 1588615855070,
            "helpful_vote": 1,
            "verified_purchase": True,
        },
    ),
    "meta_All_Beauty.jsonl": _lines(
        {
            "main_category": "All Beauty",
            "title": "Herbivore Sea Mist Texturizing Spray",
            "average_rating": 4.3,
            "features": [],
            "description": ["A spray.", "For hair."],
            "price": None,
            "store": "Herbivore Botanicals",
            "categories": ["Beauty", "Hair"],
            "details": {"Brand": "Herbivore"},
            "parent_asin": "B00YQ6X8EO",
            "bought_together": None,
        },
        {
            "main_category": "All Beauty",
            "title": None,
            "description": [],
            "price": "8.98",
            "store": None,
            "categories": [],
            "details": {},
            "parent_asin": "B081TJ8YS4",
        },
    ),
}
AMAZON_2018 = {
    "All_Beauty_5.json": _lines(
        {
            "overall": 5.0,
            "verified": True,
            "reviewTime": "09 1, 2016",
            "reviewerID": "A3CIUOJXQ5VDQ2",
            "asin": "B0000530HU",
            "style": {"Size:": " 7.0 oz"},
            "reviewerName": "Shelly F",
            "reviewText": "As advertised.",
            "summary": "Five Stars",
            "unixReviewTime": 1472688000,
        }
    ),
    "meta_All_Beauty.json": _lines(
        {
            "category": ["Pet Supplies", "Dogs"],
            "tech1": "",
            "description": ["Loud 'N Clear Personal Sound Amplifier"],
            "title": "Loud 'N Clear Sound Amplifier",
            "also_buy": [],
            "brand": "idea village",
            "feature": [],
            "rank": "2,938,573 in Beauty",
            "details": {"ASIN: ": "B0000530HU"},
            "asin": "B0000530HU",
        }
    ),
}
LASTFM = {
    "userid-timestamp-artid-artname-traid-traname.tsv": "user_000001\t2009-05-04T23:08:57Z\tf1b1cf71\tDeep Dish\t"
    't1\tLive at Home (Pacha)-09-28-2007\nuser_000001\t2009-05-04T13:54:10Z\ta7f7df4a\t"坂本龍一"\t\t'
    "Composition 0919\nuser_000002\t2009-05-04T13:52:04Z\t\tNoBody\t\tComposition 0919\n",
    "userid-profile.tsv": "#id\tgender\tage\tcountry\tregistered\n",
}
RETAIL = {
    "2010-12-01.csv": "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    "536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
    '536381,82567,"AIRLINE LOUNGE,METAL SIGN",2,2010-12-01 09:41:00,2.1,15311.0,United Kingdom\n'
    "C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527.0,United Kingdom\n"
    "536414,22139,,56,2010-12-01 11:52:00,0.0,,United Kingdom\n",
    "2011-01-05.csv": "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    "540001,85123A,WHITE HANGING HEART T-LIGHT HOLDER,1,1/5/2011 14:05,2.55,17850,United Kingdom\n"
    "540002,85123A,CREAM HANGING HEART,1,1/5/2011 14:06,2.55,17851,United Kingdom\n"
    "540003,22139,TEA SET £5,1,1/5/2011 14:07,2.55,17851,United Kingdom\n",
}
RETAIL_2 = {
    "online_retail_II.csv": "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
    "489434,85048,15CM CHRISTMAS GLASS BALL 20 LIGHTS,12,2009-12-01 07:45:00,6.95,13085.0,United Kingdom\n"
    "C489449,22087,PAPER BUNTING WHITE LACE,-12,2009-12-01 10:33:00,2.95,16321.0,Australia\n",
}


def publish(folder: Path, files: dict[str, str], encoding: str = "utf-8", compressed: bool = False) -> Path:
    """Writes the files, and gives the folder."""
    for name, text in files.items():
        path = folder / (f"{name}.gz" if compressed else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = text.encode(encoding)
        path.write_bytes(gzip.compress(content) if compressed else content)
    return folder
