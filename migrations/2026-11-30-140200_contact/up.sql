-- Messages that people sent each other through this server: who to whom and when, for their limits. What
-- they wrote is nowhere.
CREATE TABLE contact_messages (
    id {{id}},
    sender_id BIGINT NOT NULL REFERENCES users (id),
    recipient_id BIGINT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL
);
CREATE INDEX contact_messages_sender ON contact_messages (sender_id, created_at);
CREATE INDEX contact_messages_recipient ON contact_messages (recipient_id, created_at);
CREATE INDEX contact_messages_age ON contact_messages (created_at);
