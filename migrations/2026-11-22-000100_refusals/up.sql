-- What was refused to an application, for the eyes of its owner. No foreign key: a line is written a
-- second after its request, when the application may be gone; it goes by its age.
CREATE TABLE refusals (
    id {{id}},
    client_key BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    error TEXT NOT NULL,
    cause TEXT NOT NULL,
    is_proven BOOLEAN NOT NULL,
    dropped BIGINT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX refusals_client ON refusals (client_key, is_proven, id);
CREATE INDEX refusals_age ON refusals (at);
