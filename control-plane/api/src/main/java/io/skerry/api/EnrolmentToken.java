package io.skerry.api;

import java.time.Instant;

/**
 * A token with which devices enrol.
 *
 * <p>{@code "skerry1." + base64url(JSON {url, secret, root})}: where to enrol, the secret, and the
 * SHA-256 fingerprint of the root key that the device then trusts.
 *
 * @param token shown only here
 */
public record EnrolmentToken(String token, int uses, Instant expiresAt) {}
