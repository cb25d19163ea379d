"""parkgap: where a city's industrial parks lack the city."""
