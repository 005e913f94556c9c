DROP TABLE login_return_hosts;
