package io.skerry.control.ca;

import java.time.Instant;
import java.util.Optional;

/**
 * A certificate that a device got.
 *
 * @param serial its serial number in hex
 * @param pem it and the CA's, in this order
 * @param revokedAt when it was revoked, if it was
 */
public record DeviceCertificate(
    String serial, Instant notBefore, Instant notAfter, String pem, Optional<Instant> revokedAt) {}
