DROP TABLE email_codes;
DROP TABLE deletions;
DROP TABLE former_addresses;
DROP TABLE seen_devices;
