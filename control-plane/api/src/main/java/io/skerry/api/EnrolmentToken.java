package io.skerry.api;

import java.time.Instant;

/**
 * A token with which devices enrol.
 *
 * <p>{@code "skerry1." + base64url(JSON {url, secret, ca, root})}: where to enrol, the secret, and
 * the SHA-256 fingerprints in hex of the CA's certificate and of the root that the device then
 * trusts.
 *
 * @param token shown only here
 * @param id names it in lists and when it is deleted
 */
public record EnrolmentToken(String token, int uses, Instant expiresAt, long id) {}
