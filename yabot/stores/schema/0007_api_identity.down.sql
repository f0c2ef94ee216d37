DROP TABLE api_revocations;
DROP TABLE api_sessions;
DROP TABLE api_clients;
