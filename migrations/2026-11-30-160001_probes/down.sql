ALTER TABLE installation DROP COLUMN probes;
