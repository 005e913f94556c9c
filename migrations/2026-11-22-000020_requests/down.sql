DROP TABLE pushed_requests;
ALTER TABLE clients DROP COLUMN require_pushed_requests;
ALTER TABLE consents DROP COLUMN audience;
ALTER TABLE tokens DROP COLUMN audience;
ALTER TABLE grants DROP COLUMN audience;
