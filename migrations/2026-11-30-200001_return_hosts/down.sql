DROP INDEX device_codes_client;
DROP INDEX clients_verified;
DROP TABLE login_return_hosts;
