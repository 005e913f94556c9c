-- An application or a secret that is new changes nothing: what was not found is not kept. (One that takes the place of
-- another by INSERT OR REPLACE fires no trigger for the row that goes.) When a secret was last used is kept elsewhere.
CREATE TRIGGER clients_changed AFTER UPDATE ON clients
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER clients_removed AFTER DELETE ON clients
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER clients_replaced BEFORE INSERT ON clients
WHEN EXISTS (SELECT 1 FROM clients WHERE id = NEW.id OR client_id = NEW.client_id)
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER client_secrets_changed AFTER UPDATE OF id, client_key, digest, last_four, created_at, expires_at, flagged_at ON client_secrets
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER client_secrets_removed AFTER DELETE ON client_secrets
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER client_secrets_replaced BEFORE INSERT ON client_secrets
WHEN EXISTS (SELECT 1 FROM client_secrets WHERE id = NEW.id)
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER apis_changed AFTER UPDATE ON apis
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER apis_removed AFTER DELETE ON apis
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER apis_added AFTER INSERT ON apis
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER api_scopes_changed AFTER UPDATE ON api_scopes
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER api_scopes_removed AFTER DELETE ON api_scopes
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER api_scopes_added AFTER INSERT ON api_scopes
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER signing_keys_changed AFTER UPDATE ON signing_keys
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER signing_keys_removed AFTER DELETE ON signing_keys
BEGIN UPDATE snapshot_version SET version = random(); END;
CREATE TRIGGER signing_keys_added AFTER INSERT ON signing_keys
BEGIN UPDATE snapshot_version SET version = random(); END;
