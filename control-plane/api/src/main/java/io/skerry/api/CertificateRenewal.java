package io.skerry.api;

/**
 * Asks for a new certificate of the same device.
 *
 * @param csr PEM of a PKCS#10 request, by the same or a new key
 */
public record CertificateRenewal(String csr) {}
