-- How far everybody may read a resource and what is in it, without a token; nothing is nobody.
ALTER TABLE resources ADD COLUMN public_tier TEXT;
