ALTER TABLE resources DROP COLUMN public_tier;
