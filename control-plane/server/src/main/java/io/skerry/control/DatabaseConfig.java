package io.skerry.control;

import io.skerry.control.config.Secret;

/**
 * Where the database is.
 *
 * @param url JDBC URL of an outside PostgreSQL; empty = the embedded one
 * @param user its user, when the URL does not say
 * @param password its password
 * @param connectionsMax connections kept to it, 2 to 200
 */
record DatabaseConfig(String url, String user, @Secret String password, int connectionsMax) {
  static final DatabaseConfig DEFAULTS = new DatabaseConfig("", "", "", 16);

  DatabaseConfig {
    if (connectionsMax < 2 || connectionsMax > 200) {
      throw new IllegalArgumentException(
          "connections-max is %d: must be 2 to 200".formatted(connectionsMax));
    }
  }

  boolean isEmbedded() {
    return url.isEmpty();
  }
}
