package io.skerry.agent.serve;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads keys and certificates, and says what is wrong with a file. */
final class PemFiles {
  private static final long BYTES_MAX = 1 << 20;
  private static final Pattern KEY =
      Pattern.compile("-----BEGIN PRIVATE KEY-----([^-]+)-----END PRIVATE KEY-----");
  private static final byte[] TRIAL = {1, 2, 3};

  private PemFiles() {}

  /** Certificates, at least one, as they come in the file. */
  static List<X509Certificate> certificates(Path file) throws IOException {
    try {
      List<X509Certificate> found =
          CertificateFactory.getInstance("X.509")
              .generateCertificates(new ByteArrayInputStream(bytes(file)))
              .stream()
              .map(X509Certificate.class::cast)
              .toList();
      if (!found.isEmpty()) {
        return found;
      }
    } catch (CertificateException e) {
      throw new IOException(
          "'%s' holds no certificates in PEM: %s".formatted(file, e.getMessage()), e);
    }
    throw new IOException("'%s' holds no certificate".formatted(file));
  }

  /**
   * The private key of a certificate.
   *
   * @throws IOException if the file holds none, or another's
   */
  static PrivateKey key(Path file, X509Certificate certificate) throws IOException {
    String text = new String(bytes(file), StandardCharsets.ISO_8859_1);
    Matcher found = KEY.matcher(text);
    if (!found.find()) {
      throw new IOException(
          text.contains("PRIVATE KEY-----")
              ? "'%s' holds a private key of another form: 'openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW' makes the one that is read"
                  .formatted(file)
              : "'%s' holds no private key in PEM".formatted(file));
    }
    try {
      PublicKey other = certificate.getPublicKey();
      PrivateKey key =
          KeyFactory.getInstance(other.getAlgorithm())
              .generatePrivate(
                  new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(found.group(1))));
      if (isPair(key, other)) {
        return key;
      }
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      throw new IOException(
          "'%s' holds no private key for a certificate with %s: %s"
              .formatted(file, certificate.getPublicKey().getAlgorithm(), e.getMessage()),
          e);
    }
    throw new IOException(
        "the key in '%s' is not the key of the certificate of '%s'"
            .formatted(file, certificate.getSubjectX500Principal()));
  }

  private static boolean isPair(PrivateKey key, PublicKey other) throws GeneralSecurityException {
    Signature signature =
        Signature.getInstance(
            switch (key.getAlgorithm()) {
              case "RSA" -> "SHA256withRSA";
              case "EC" -> "SHA256withECDSA";
              default -> key.getAlgorithm();
            });
    signature.initSign(key);
    signature.update(TRIAL);
    byte[] signed = signature.sign();
    signature.initVerify(other);
    signature.update(TRIAL);
    return signature.verify(signed);
  }

  private static byte[] bytes(Path file) throws IOException {
    try {
      if (Files.size(file) > BYTES_MAX) {
        throw new IOException("'%s' is larger than %d bytes".formatted(file, BYTES_MAX));
      }
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw new IOException("there is no file '%s'".formatted(file), e);
    }
  }
}
