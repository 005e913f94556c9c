ALTER TABLE sign_in_steps DROP COLUMN network;
ALTER TABLE factor_failures DROP COLUMN network;
