package io.skerry.api;

/**
 * Whether the server lives or is ready.
 *
 * @param status {@code live} or {@code ready}
 */
public record Health(String status) {}
