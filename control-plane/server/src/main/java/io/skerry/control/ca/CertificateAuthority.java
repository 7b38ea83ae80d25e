package io.skerry.control.ca;

import io.skerry.control.host.StartException;
import io.skerry.protocol.Digest;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.CRLNumber;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** The authority itself: one P-256 key, made at the first start. Thread-safe. */
@Singleton
public final class CertificateAuthority {
  /** Validity begins this long before now: a device's clock may be a little behind. */
  static final Duration BACKDATED = Duration.ofHours(1);

  private static final Duration LIFETIME = Duration.ofDays(25 * 365L);
  private static final String STORE = "ca.p12";
  private static final String ALIAS = "ca";
  private static final String SIGNATURE = "SHA256withECDSA";
  private static final SecureRandom RANDOM = new SecureRandom();

  private final PrivateKey key;
  private final X509Certificate certificate;

  CertificateAuthority(KeyFiles files) {
    KeyFiles.Entry entry = files.read(STORE, ALIAS).orElseGet(() -> make(files));
    this.key = entry.key();
    this.certificate = entry.certificate();
    files.writeTrusted("devices.p12", ALIAS, certificate);
    files.writeText("ca.pem", pem(certificate));
  }

  /** What to issue. */
  record Order(
      X500Name subject,
      GeneralNames names,
      SubjectPublicKeyInfo key,
      List<KeyPurposeId> purposes,
      Instant notBefore,
      Instant notAfter) {}

  /** Its own certificate: what everybody trusts who trusts this control plane. */
  public X509Certificate certificate() {
    return certificate;
  }

  /** SHA-256 of its certificate's DER form in hex, as enrolment tokens carry it. */
  public String fingerprint() {
    return fingerprint(certificate);
  }

  /** Its certificate as PEM. */
  public String pem() {
    return pem(certificate);
  }

  X509Certificate issue(Order order) {
    try {
      JcaX509ExtensionUtils extensions = new JcaX509ExtensionUtils();
      Instant end = certificate.getNotAfter().toInstant();
      X509v3CertificateBuilder builder =
          new X509v3CertificateBuilder(
                  name(),
                  newSerial(),
                  Date.from(order.notBefore()),
                  Date.from(order.notAfter().isBefore(end) ? order.notAfter() : end),
                  order.subject(),
                  order.key())
              .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
              .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
              .addExtension(
                  Extension.extendedKeyUsage,
                  false,
                  new ExtendedKeyUsage(order.purposes().toArray(KeyPurposeId[]::new)))
              .addExtension(Extension.subjectAlternativeName, false, order.names())
              .addExtension(
                  Extension.subjectKeyIdentifier,
                  false,
                  extensions.createSubjectKeyIdentifier(order.key()))
              .addExtension(
                  Extension.authorityKeyIdentifier,
                  false,
                  extensions.createAuthorityKeyIdentifier(certificate.getPublicKey()));
      return signed(builder, key);
    } catch (IOException | GeneralSecurityException | OperatorCreationException e) {
      throw new IllegalStateException("a certificate cannot be issued", e);
    }
  }

  X500Name name() {
    return X500Name.getInstance(certificate.getSubjectX500Principal().getEncoded());
  }

  /** A list of revoked certificates, signed, in DER form. */
  byte[] sign(X509v2CRLBuilder list, long number) {
    try {
      return list.addExtension(
              Extension.cRLNumber, false, new CRLNumber(BigInteger.valueOf(number)))
          .addExtension(
              Extension.authorityKeyIdentifier,
              false,
              new JcaX509ExtensionUtils().createAuthorityKeyIdentifier(certificate.getPublicKey()))
          .build(new JcaContentSignerBuilder(SIGNATURE).build(key))
          .getEncoded();
    } catch (IOException | GeneralSecurityException | OperatorCreationException e) {
      throw new IllegalStateException("a list of revoked certificates cannot be signed", e);
    }
  }

  static KeyPair newKey() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"), RANDOM);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no P-256", e);
    }
  }

  static GeneralName uri(String uri) {
    return new GeneralName(GeneralName.uniformResourceIdentifier, uri);
  }

  static String fingerprint(X509Certificate certificate) {
    try {
      return Digest.of(certificate.getEncoded()).hex();
    } catch (CertificateEncodingException e) {
      throw new IllegalArgumentException("a certificate cannot be encoded", e);
    }
  }

  static String pem(X509Certificate certificate) {
    try {
      return "-----BEGIN CERTIFICATE-----\n"
          + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(certificate.getEncoded())
          + "\n-----END CERTIFICATE-----\n";
    } catch (CertificateEncodingException e) {
      throw new IllegalArgumentException("a certificate cannot be encoded", e);
    }
  }

  private static KeyFiles.Entry make(KeyFiles files) {
    try {
      KeyPair pair = newKey();
      Instant now = Instant.now();
      // The number tells apart the authorities of two control planes in lists and messages.
      X500Name name =
          new X500Name("O=Skerry,CN=Skerry CA " + Integer.toHexString(RANDOM.nextInt()));
      JcaX509ExtensionUtils extensions = new JcaX509ExtensionUtils();
      X509v3CertificateBuilder builder =
          new JcaX509v3CertificateBuilder(
                  name,
                  newSerial(),
                  Date.from(now.minus(BACKDATED)),
                  Date.from(now.plus(LIFETIME)),
                  name,
                  pair.getPublic())
              .addExtension(Extension.basicConstraints, true, new BasicConstraints(0))
              .addExtension(
                  Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign))
              .addExtension(
                  Extension.subjectKeyIdentifier,
                  false,
                  extensions.createSubjectKeyIdentifier(pair.getPublic()));
      KeyFiles.Entry entry =
          new KeyFiles.Entry(pair.getPrivate(), List.of(signed(builder, pair.getPrivate())));
      files.write(STORE, ALIAS, entry);
      return entry;
    } catch (IOException | GeneralSecurityException | OperatorCreationException e) {
      throw new StartException("the certificate authority cannot be made: " + e.getMessage(), e);
    }
  }

  private static X509Certificate signed(X509v3CertificateBuilder builder, PrivateKey key)
      throws GeneralSecurityException, OperatorCreationException {
    return new JcaX509CertificateConverter()
        .getCertificate(builder.build(new JcaContentSignerBuilder(SIGNATURE).build(key)));
  }

  private static BigInteger newSerial() {
    // 126 random bits below a one: positive, never zero, always of the same length.
    return new BigInteger(126, RANDOM).setBit(126);
  }
}
