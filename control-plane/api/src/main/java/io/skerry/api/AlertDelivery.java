package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One alert on its way to one route.
 *
 * @param state WAITING, REPEATING (told again while it lasts), DELIVERED, GIVEN_UP, SILENCED until
 *     a silence ends, or GROUPED with an earlier alert of the same cause
 * @param answer what the receiver said last, empty before the first attempt
 */
public record AlertDelivery(
    String id,
    String alert,
    String kind,
    String object,
    String route,
    String state,
    int attempts,
    String answer,
    Instant createdAt,
    @Nullable Instant deliveredAt) {}
