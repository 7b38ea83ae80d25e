package io.skerry.api;

import java.time.Instant;

/**
 * Where alerts go.
 *
 * @param kind WEBHOOK, MAIL or ALERTMANAGER
 * @param hasSecret whether it has a secret, which is never shown again
 * @param from the lowest severity that goes there
 */
public record AlertRoute(
    String name,
    String kind,
    String url,
    boolean hasSecret,
    String from,
    String createdBy,
    Instant createdAt) {}
