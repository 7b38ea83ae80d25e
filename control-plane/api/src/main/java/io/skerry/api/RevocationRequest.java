package io.skerry.api;

/**
 * Revokes a device's certificates.
 *
 * @param reason the operator's words, 1 to 500 characters
 */
public record RevocationRequest(String reason) {}
