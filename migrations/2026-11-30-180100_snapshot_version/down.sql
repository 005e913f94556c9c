DROP TABLE snapshot_version;
