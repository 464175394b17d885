"""Solvers: from data, groups and a penalty to certified solutions."""
