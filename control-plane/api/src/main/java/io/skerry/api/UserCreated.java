package io.skerry.api;

/**
 * A new user.
 *
 * @param token to be sent as {@code Authorization: Bearer}; shown only here
 */
public record UserCreated(String name, String role, String token) {}
