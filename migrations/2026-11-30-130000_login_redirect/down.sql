ALTER TABLE grants DROP COLUMN ends_with_session;
DROP TABLE host_proofs;
