package io.skerry.control.host;

/**
 * Published once when database, broker and HTTP server are up: features start their loops on it,
 * through {@code @EventListener}, and end them in {@code @PreDestroy}.
 */
public record ServerReady(ServerAddress address) {}
