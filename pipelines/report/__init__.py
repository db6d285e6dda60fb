"""The job `report`: one HTML page about what workspaces hold."""
