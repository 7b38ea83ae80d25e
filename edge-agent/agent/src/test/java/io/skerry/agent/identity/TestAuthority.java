package io.skerry.agent.identity;

import java.io.IOException;
import java.io.StringReader;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.PKCSException;
import org.jspecify.annotations.Nullable;

/** Issues certificates as a control plane does. */
public final class TestAuthority {
  private static final Instant BEGIN = Instant.parse("2020-01-01T00:00:00Z");
  private static final Instant END = Instant.parse("2080-01-01T00:00:00Z");

  private final X500Name name;
  private final KeyPair pair = pair();
  private final AtomicLong serial = new AtomicLong(1);
  private final X509Certificate certificate;

  public TestAuthority(String commonName) {
    this.name = new X500Name("CN=" + commonName);
    this.certificate =
        issue(
            name,
            SubjectPublicKeyInfo.getInstance(pair.getPublic().getEncoded()),
            new Validity(BEGIN, END),
            null,
            null,
            true);
  }

  static KeyPair pair() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  public X509Certificate certificate() {
    return certificate;
  }

  public String fingerprint() {
    return CertificateChain.fingerprint(certificate);
  }

  /** A certificate for a server on 127.0.0.1 and under this name. */
  X509Certificate server(KeyPair server, String host, Validity validity) {
    return issue(
        new X500Name("CN=control plane"),
        SubjectPublicKeyInfo.getInstance(server.getPublic().getEncoded()),
        validity,
        new GeneralNames(
            host.matches("[0-9.]+")
                ? new GeneralName(GeneralName.iPAddress, host)
                : new GeneralName(GeneralName.dNSName, host)),
        KeyPurposeId.id_kp_serverAuth,
        false);
  }

  /** TLS of a server on 127.0.0.1. */
  public SSLContext serving() {
    KeyPair server = pair();
    X509Certificate leaf = server(server, "127.0.0.1", new Validity(BEGIN, END));
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(
          new KeyManager[] {new ServerLogin(server.getPrivate(), List.of(leaf, certificate))},
          null,
          null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  /** A key and its certificate, in PEM. */
  public record Pem(String certificate, String key) {}

  /** The authority's own certificate, in PEM. */
  public String pem() {
    return CertificateChain.pem(certificate);
  }

  /** A server on 127.0.0.1. */
  public Pem server() {
    KeyPair server = pair();
    return pem(server, server(server, "127.0.0.1", new Validity(BEGIN, END)));
  }

  /** A client of this subject, with a certificate that counts until then. */
  public Pem client(String subject, Instant notAfter) {
    KeyPair client = pair();
    return pem(
        client,
        issue(
            new X500Name(subject),
            SubjectPublicKeyInfo.getInstance(client.getPublic().getEncoded()),
            new Validity(BEGIN, notAfter),
            null,
            KeyPurposeId.id_kp_clientAuth,
            false));
  }

  /** A client of this subject. */
  public Pem client(String subject) {
    return client(subject, END);
  }

  private static Pem pem(KeyPair pair, X509Certificate leaf) {
    return new Pem(
        CertificateChain.pem(leaf), SignedDer.pem("PRIVATE KEY", pair.getPrivate().getEncoded()));
  }

  /** TLS of a client that believes this authority. */
  public SSLContext believing() {
    return ControlPort.context(
        PinnedTrust.of(certificate, InstantSource.system(), () -> {}), Optional.empty());
  }

  /** A certificate for a device whose request is checked by BouncyCastle. */
  public String device(String requestPem, String tenant, String device, Validity validity) {
    return pem(
        deviceCertificate(requestPem, "urn:skerry:device:" + tenant + "/" + device, validity));
  }

  X509Certificate deviceCertificate(String requestPem, String urn, Validity validity) {
    PKCS10CertificationRequest request = read(requestPem);
    return issue(
        request.getSubject(),
        request.getSubjectPublicKeyInfo(),
        validity,
        new GeneralNames(new GeneralName(GeneralName.uniformResourceIdentifier, urn)),
        KeyPurposeId.id_kp_clientAuth,
        false);
  }

  /** The leaf's PEM and then the authority's. */
  String pem(X509Certificate leaf) {
    return CertificateChain.pem(leaf) + CertificateChain.pem(certificate);
  }

  static PKCS10CertificationRequest read(String pem) {
    try (PEMParser parser = new PEMParser(new StringReader(pem))) {
      PKCS10CertificationRequest request = (PKCS10CertificationRequest) parser.readObject();
      if (!request.isSignatureValid(
          new JcaContentVerifierProviderBuilder().build(request.getSubjectPublicKeyInfo()))) {
        throw new AssertionError("the request is not signed by its key");
      }
      return request;
    } catch (IOException | OperatorCreationException | PKCSException e) {
      throw new AssertionError(e);
    }
  }

  private X509Certificate issue(
      X500Name subject,
      SubjectPublicKeyInfo key,
      Validity validity,
      @Nullable GeneralNames names,
      @Nullable KeyPurposeId purpose,
      boolean authority) {
    try {
      X509v3CertificateBuilder builder =
          new X509v3CertificateBuilder(
              name,
              BigInteger.valueOf(serial.getAndIncrement()),
              Date.from(validity.notBefore()),
              Date.from(validity.notAfter()),
              subject,
              key);
      builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
      if (names != null) {
        builder.addExtension(Extension.subjectAlternativeName, false, names);
      }
      if (purpose != null) {
        builder.addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(purpose));
      }
      return new JcaX509CertificateConverter()
          .getCertificate(
              builder.build(
                  new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate())));
    } catch (IOException | GeneralSecurityException | OperatorCreationException e) {
      throw new AssertionError(e);
    }
  }
}
