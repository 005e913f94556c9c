-- Names of query parameters in which a login return URL may differ from the registered one.
ALTER TABLE clients ADD COLUMN login_varying_parameters TEXT NOT NULL DEFAULT '';
