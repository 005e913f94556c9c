ALTER TABLE clients DROP COLUMN login_varying_parameters;
