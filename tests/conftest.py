"""Settings of all tests."""

from hypothesis import settings

from tests import beam_caches

settings.register_profile("project", deadline=None)  # a loaded machine is no failure
settings.load_profile("project")
beam_caches.install()
