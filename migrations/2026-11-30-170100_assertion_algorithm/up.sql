-- How an application signs what it authenticates with (OpenID Connect Registration §2).
ALTER TABLE clients ADD COLUMN token_endpoint_auth_signing_alg TEXT;
