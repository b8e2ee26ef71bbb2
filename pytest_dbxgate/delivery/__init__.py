"""Publishing: what is to stand in the workspace, what stands there, and the way between."""
