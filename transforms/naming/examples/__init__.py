"""Selection of named collections, such as playlists and curated lists, as examples of journey names."""
