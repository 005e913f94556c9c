DROP INDEX pushed_requests_network;
DROP INDEX pushed_requests_kept;
CREATE INDEX pushed_requests_expiry ON pushed_requests (expires_at);
ALTER TABLE pushed_requests DROP COLUMN kept_until;
