-- The table is the one that is found now, whatever another session's search path finds.
CREATE FUNCTION change_snapshot_version() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE snapshot_version SET version = trunc((random() - 0.5) * 1.8e19)::bigint;
    RETURN NULL;
END
$$;

-- At the end of the transaction: the row is held for no longer than the commit takes, and those who change
-- different things never wait for each other crosswise. An application or a secret that is new changes nothing:
-- what was not found is not kept. When a secret was last used is kept elsewhere.
CREATE CONSTRAINT TRIGGER clients_changed AFTER DELETE OR UPDATE ON clients
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_snapshot_version();
CREATE TRIGGER clients_emptied AFTER TRUNCATE ON clients
FOR EACH STATEMENT EXECUTE FUNCTION change_snapshot_version();
CREATE CONSTRAINT TRIGGER client_secrets_changed AFTER DELETE OR UPDATE OF id, client_key, digest, last_four, created_at, expires_at, flagged_at ON client_secrets
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_snapshot_version();
CREATE TRIGGER client_secrets_emptied AFTER TRUNCATE ON client_secrets
FOR EACH STATEMENT EXECUTE FUNCTION change_snapshot_version();
CREATE CONSTRAINT TRIGGER apis_changed AFTER INSERT OR DELETE OR UPDATE ON apis
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_snapshot_version();
CREATE TRIGGER apis_emptied AFTER TRUNCATE ON apis
FOR EACH STATEMENT EXECUTE FUNCTION change_snapshot_version();
CREATE CONSTRAINT TRIGGER api_scopes_changed AFTER INSERT OR DELETE OR UPDATE ON api_scopes
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_snapshot_version();
CREATE TRIGGER api_scopes_emptied AFTER TRUNCATE ON api_scopes
FOR EACH STATEMENT EXECUTE FUNCTION change_snapshot_version();
CREATE CONSTRAINT TRIGGER signing_keys_changed AFTER INSERT OR DELETE OR UPDATE ON signing_keys
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_snapshot_version();
CREATE TRIGGER signing_keys_emptied AFTER TRUNCATE ON signing_keys
FOR EACH STATEMENT EXECUTE FUNCTION change_snapshot_version();
