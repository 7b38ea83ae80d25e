package io.skerry.control.host;

/**
 * The names under which this server is reached.
 *
 * @param host address that it listens on
 * @param publicHost name or address that devices use
 */
public record ServerNames(String host, String publicHost) {}
