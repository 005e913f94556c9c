DROP TABLE registration_tokens;
DROP TABLE self_registrations;
DROP TABLE used_proofs;
ALTER TABLE tokens DROP COLUMN dpop_jkt;
ALTER TABLE refresh_tokens DROP COLUMN dpop_jkt;
ALTER TABLE authorization_codes DROP COLUMN dpop_jkt;
ALTER TABLE clients DROP COLUMN dpop_bound_access_tokens;
ALTER TABLE clients DROP COLUMN jwks;
