package io.skerry.agent.identity;

import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Base64;

/** What a device signs with its own key: the request for a certificate (PKCS#10, RFC 2986). */
final class SignedDer {
  private static final String ALGORITHM = "SHA256withECDSA";
  private static final byte[] ECDSA_WITH_SHA256 = Der.sequence(Der.oid("1.2.840.10045.4.3.2"));
  private static final String COMMON_NAME = "2.5.4.3";
  private static final Instant NEVER_ENDS = Instant.parse("9999-12-31T23:59:59Z");
  private static final int PEM_LINE_CHARS = 64;

  private SignedDer() {}

  /**
   * A request in PEM.
   *
   * <pre>
   * CertificationRequest     ::= SEQUENCE { info, algorithm, signature BIT STRING }
   * CertificationRequestInfo ::= SEQUENCE { version 0, subject, subjectPKInfo, [0] attributes }
   * </pre>
   *
   * @param commonName the device's name; the control plane decides what the certificate says
   */
  static String request(PublicKey publicKey, PrivateKey privateKey, String commonName)
      throws GeneralSecurityException {
    byte[] info =
        Der.sequence(
            Der.integer(BigInteger.ZERO), name(commonName), publicKey.getEncoded(), Der.context(0));
    return pem("CERTIFICATE REQUEST", signed(info, privateKey));
  }

  /** A certificate by the key itself: key stores keep no private key without one. */
  static X509Certificate selfSigned(
      PublicKey publicKey, PrivateKey privateKey, String commonName, Instant notBefore)
      throws GeneralSecurityException {
    byte[] name = name(commonName);
    byte[] content =
        Der.sequence(
            Der.context(0, Der.integer(BigInteger.TWO)),
            Der.integer(BigInteger.ONE),
            ECDSA_WITH_SHA256,
            name,
            Der.sequence(Der.time(notBefore), Der.time(NEVER_ENDS)),
            name,
            publicKey.getEncoded());
    return (X509Certificate)
        CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(signed(content, privateKey)));
  }

  static String pem(String label, byte[] der) {
    String body =
        Base64.getMimeEncoder(PEM_LINE_CHARS, "\n".getBytes(StandardCharsets.US_ASCII))
            .encodeToString(der);
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n".formatted(label, body, label);
  }

  private static byte[] name(String commonName) {
    return Der.sequence(Der.set(Der.sequence(Der.oid(COMMON_NAME), Der.utf8(commonName))));
  }

  private static byte[] signed(byte[] content, PrivateKey key) throws GeneralSecurityException {
    Signature signature = Signature.getInstance(ALGORITHM);
    signature.initSign(key);
    signature.update(content);
    return Der.sequence(content, ECDSA_WITH_SHA256, Der.bitString(signature.sign()));
  }
}
