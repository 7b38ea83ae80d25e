package io.skerry.agent.identity;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.TenantId;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A certificate and those that vouch for it.
 *
 * @param certificates the holder's first, 1 to {@link #CERTIFICATES_MAX}
 */
record CertificateChain(List<X509Certificate> certificates) {
  static final int CERTIFICATES_MAX = 4;
  static final int PEM_CHARS_MAX = 32 * 1024;
  private static final int SAN_URI = 6;
  private static final String CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

  CertificateChain {
    certificates = List.copyOf(certificates);
  }

  /**
   * Reads PEM.
   *
   * @throws CertificateException if it is too large or holds something else
   */
  static CertificateChain parse(String pem) throws CertificateException {
    if (pem.length() > PEM_CHARS_MAX) {
      throw new CertificateException(
          "certificate has %d characters, at most %d are allowed"
              .formatted(pem.length(), PEM_CHARS_MAX));
    }
    Collection<? extends Certificate> found =
        CertificateFactory.getInstance("X.509")
            .generateCertificates(
                new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)));
    if (found.isEmpty() || found.size() > CERTIFICATES_MAX) {
      throw new CertificateException(
          "%d certificates in a row, expected 1 to %d".formatted(found.size(), CERTIFICATES_MAX));
    }
    return new CertificateChain(found.stream().map(X509Certificate.class::cast).toList());
  }

  /** The certificate of this fingerprint, if it is among these. */
  static Optional<X509Certificate> find(
      Collection<X509Certificate> certificates, String fingerprint) {
    return certificates.stream()
        .filter(certificate -> fingerprint(certificate).equals(fingerprint))
        .findFirst();
  }

  /** SHA-256 of the whole certificate, 64 hex digits. */
  static String fingerprint(X509Certificate certificate) {
    try {
      return Digest.of(certificate.getEncoded()).hex();
    } catch (CertificateEncodingException e) {
      throw new IllegalStateException("a certificate that was parsed has its bytes", e);
    }
  }

  X509Certificate leaf() {
    return certificates.getFirst();
  }

  Validity validity() {
    return new Validity(leaf().getNotBefore().toInstant(), leaf().getNotAfter().toInstant());
  }

  /** The name that a device's certificate carries. */
  static String name(TenantId tenant, DeviceId device) {
    return "urn:skerry:device:" + tenant + "/" + device;
  }

  /**
   * Returns if this is a certificate of this device for this key by this authority, whatever the
   * time is.
   *
   * @throws CertificateException what it is instead
   */
  void requireIssuedTo(TenantId tenant, DeviceId device, PublicKey key, X509Certificate authority)
      throws CertificateException {
    X509Certificate leaf = leaf();
    if (!Arrays.equals(leaf.getPublicKey().getEncoded(), key.getEncoded())) {
      throw new CertificateException("the certificate is for another key");
    }
    try {
      leaf.verify(authority.getPublicKey());
    } catch (GeneralSecurityException e) {
      throw new CertificateException(
          "the certificate is not signed by the authority that the token names", e);
    }
    String expected = name(tenant, device);
    Collection<List<?>> names = leaf.getSubjectAlternativeNames();
    boolean named =
        names != null
            && names.stream()
                .anyMatch(
                    name ->
                        Integer.valueOf(SAN_URI).equals(name.get(0))
                            && expected.equals(name.get(1)));
    if (!named) {
      throw new CertificateException("the certificate does not name " + expected);
    }
    List<String> usages = leaf.getExtendedKeyUsage();
    if (usages != null && !usages.contains(CLIENT_AUTH)) {
      throw new CertificateException("the certificate is not for clients");
    }
    Instant begin = leaf.getNotBefore().toInstant();
    if (!begin.isBefore(leaf.getNotAfter().toInstant())) {
      throw new CertificateException("the certificate ends before it begins");
    }
  }

  String pem() {
    return certificates.stream().map(CertificateChain::pem).collect(Collectors.joining());
  }

  static String pem(X509Certificate certificate) {
    try {
      return SignedDer.pem("CERTIFICATE", certificate.getEncoded());
    } catch (CertificateEncodingException e) {
      throw new IllegalStateException("a certificate that was parsed has its bytes", e);
    }
  }
}
