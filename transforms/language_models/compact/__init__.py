"""A small network that names texts: a sentence encoder reads them, a decoder of its own writes, or copies from them."""
