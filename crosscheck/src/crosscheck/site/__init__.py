"""`crosscheck site`: the steps, the stages and their differences as web pages, in three languages."""
