-- The address as it is compared, proven or not. Older rows outside of ASCII are folded when they are proven.
ALTER TABLE users ADD COLUMN email_folded TEXT;
UPDATE users SET email_folded = COALESCE(verified_email_folded, lower(email)) WHERE email IS NOT NULL;
CREATE INDEX users_email ON users (email_folded);

-- The secret of a link that may be mailed again, sealed.
ALTER TABLE mailed_links ADD COLUMN sealed TEXT;
