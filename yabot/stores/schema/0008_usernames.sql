-- People are found by the name that others call them by, in capitals or not.

CREATE INDEX profiles_by_username ON user_profiles (username COLLATE NOCASE);
