package io.skerry.api;

/**
 * A device's new certificate; the one before stays valid until its end.
 *
 * @param certificate PEM of the device's certificate and of the CA's, in this order
 */
public record CertificateIssued(String certificate) {}
