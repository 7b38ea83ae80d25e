package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * A new route.
 *
 * @param kind webhook, mail or alertmanager
 * @param url {@code https://host/path}, or {@code smtp://user@host:587?to=a@b&from=c@d}
 * @param secret of a webhook's signature, the mail account's password, Alertmanager's bearer token
 * @param from page, ticket or note; ticket when absent
 */
public record AlertRouteRequest(
    String name, String kind, String url, @Nullable String secret, @Nullable String from) {}
