DROP INDEX profiles_by_username;
