"""User collections, curated lists and playlists -> examples of what a journey should be called."""
