package io.skerry.api;

import java.time.Instant;

/** A user. */
public record UserView(String name, String role, Instant createdAt) {}
