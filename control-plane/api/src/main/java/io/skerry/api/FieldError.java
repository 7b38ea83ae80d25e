package io.skerry.api;

/**
 * A field of a request that cannot be.
 *
 * @param field path, for example {@code stages[1].percent}
 */
public record FieldError(String field, String message) {}
