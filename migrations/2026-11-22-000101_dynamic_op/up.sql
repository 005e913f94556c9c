-- Where an application publishes its keys (RFC 7591 §2), and how it wants userinfo signed.
ALTER TABLE clients ADD COLUMN jwks_uri TEXT;
ALTER TABLE clients ADD COLUMN userinfo_signed_response_alg TEXT;
