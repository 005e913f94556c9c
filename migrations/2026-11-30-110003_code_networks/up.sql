-- For which network wrong codes, and codes that were mailed, are counted: one that the person came in from
-- before, or '' for all others together.
ALTER TABLE factor_failures ADD COLUMN network TEXT NOT NULL DEFAULT '';
ALTER TABLE sign_in_steps ADD COLUMN network TEXT NOT NULL DEFAULT '';
