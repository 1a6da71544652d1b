"""The numbers of a report, computed by `scoring` from rows that the report lists."""
