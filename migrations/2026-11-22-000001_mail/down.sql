DROP TABLE mailed_links;
DROP TABLE letters;
