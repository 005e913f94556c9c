DROP TABLE factor_failures;
DROP TABLE remembered_browsers;
DROP TABLE sign_in_steps;
DROP TABLE recovery_codes;
DROP TABLE totp_factors;
ALTER TABLE sessions DROP COLUMN owes_factor;
ALTER TABLE sessions DROP COLUMN methods;
