-- A number that readiness counts up, to see whether anything can be written.
ALTER TABLE installation ADD COLUMN probes BIGINT NOT NULL DEFAULT 0;
