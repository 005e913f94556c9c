ALTER TABLE clients DROP COLUMN id_token_claims;
ALTER TABLE clients DROP COLUMN id_token_signed_response_alg;
ALTER TABLE clients DROP COLUMN post_logout_redirect_uris;
ALTER TABLE tokens DROP COLUMN format;
DROP TABLE authentications;
DROP TABLE signing_keys;
