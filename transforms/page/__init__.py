"""One page of HTML about workspaces: views as values, geometry of pictures, and templates. Needs the extra `report`."""
