package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * Asks for the erasure of everything that one device sent, or of everything about one subject.
 *
 * @param device its id; exactly one of this and {@code subject}
 * @param subject the client id that an application gave its predictions
 */
public record ErasureRequest(@Nullable String device, @Nullable String subject, String reason) {}
