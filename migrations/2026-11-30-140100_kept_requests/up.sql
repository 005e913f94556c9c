-- Until when a pushed request is kept: its minute, or longer when a browser came in time and its person takes
-- a while. What one network keeps is counted, over all applications.
ALTER TABLE pushed_requests ADD COLUMN kept_until BIGINT NOT NULL DEFAULT 0;
UPDATE pushed_requests SET kept_until = expires_at + 3600;
DROP INDEX pushed_requests_expiry;
CREATE INDEX pushed_requests_kept ON pushed_requests (kept_until);
CREATE INDEX pushed_requests_network ON pushed_requests (network, kept_until);
