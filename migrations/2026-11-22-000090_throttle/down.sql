DROP TABLE known_networks;
DROP TABLE failure_counts;
