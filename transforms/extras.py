"""Install commands of the optional dependencies (`extras_require` in setup.py), for error messages."""

INSTALL_ENCODER = "pip install 'interest-journeys[encoder]'"
INSTALL_EVALUATION = "pip install 'interest-journeys[evaluation]'"
INSTALL_EXPLORATION = "pip install 'interest-journeys[exploration]'"
INSTALL_GCP = "pip install 'interest-journeys[gcp]'"
INSTALL_LLM = "pip install 'interest-journeys[llm]'"
INSTALL_NAMING = "pip install 'interest-journeys[naming]'"
INSTALL_REPORT = "pip install 'interest-journeys[report]'"
