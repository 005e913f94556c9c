ALTER TABLE mailed_links DROP COLUMN sealed;
DROP INDEX users_email;
ALTER TABLE users DROP COLUMN email_folded;
