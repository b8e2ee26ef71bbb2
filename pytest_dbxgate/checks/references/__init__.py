"""Checks of what lies between notebooks: ``%run``, names, modules, parameters, jobs."""
