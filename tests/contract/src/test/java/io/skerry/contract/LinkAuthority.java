package io.skerry.contract;

import com.hivemq.client.mqtt.MqttClientSslConfig;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** An authority that issues whatever a test needs, also what the real one would never issue. */
final class LinkAuthority {
  /** Opens the stores that it writes, and the keys inside. */
  static final String PASSWORD = "test";

  private static final Duration BACKDATED = Duration.ofHours(1);
  private static final Duration LIFETIME = Duration.ofHours(1);
  private static final AtomicInteger NUMBERS = new AtomicInteger();

  private final X500Name name = new X500Name("CN=Test CA " + NUMBERS.incrementAndGet());
  private final KeyPair pair = newPair();
  private final X509Certificate certificate;

  LinkAuthority() throws GeneralSecurityException, IOException, OperatorCreationException {
    JcaX509v3CertificateBuilder own = builder(name, pair, LIFETIME);
    own.addExtension(Extension.basicConstraints, true, new BasicConstraints(0));
    this.certificate = signed(own);
  }

  /** A client's key and certificate, and the authority whose brokers it trusts. */
  record Identity(KeyPair pair, X509Certificate certificate, X509Certificate trusted) {
    /** The same, but trusts the brokers of another authority. */
    Identity trusting(LinkAuthority other) {
      return new Identity(pair, certificate, other.certificate);
    }

    SSLContext context() {
      try {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys().getKeyManagers(), trust().getTrustManagers(), null);
        return context;
      } catch (GeneralSecurityException | IOException e) {
        throw new IllegalStateException(e);
      }
    }

    MqttClientSslConfig config() {
      try {
        return MqttClientSslConfig.builder()
            .keyManagerFactory(keys())
            .trustManagerFactory(trust())
            .build();
      } catch (GeneralSecurityException | IOException e) {
        throw new IllegalStateException(e);
      }
    }

    private KeyManagerFactory keys() throws GeneralSecurityException, IOException {
      KeyManagerFactory keys =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keys.init(keyStore(pair, certificate), PASSWORD.toCharArray());
      return keys;
    }

    private TrustManagerFactory trust() throws GeneralSecurityException, IOException {
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(trustStore(trusted));
      return trust;
    }
  }

  /** A device as enrolment would make it. */
  Identity device(String device)
      throws GeneralSecurityException, IOException, OperatorCreationException {
    return client("O=default,CN=" + device, "urn:skerry:device:default/" + device, LIFETIME);
  }

  /** The same with a certificate that ran out a minute ago. */
  Identity expired(String device)
      throws GeneralSecurityException, IOException, OperatorCreationException {
    return client(
        "O=default,CN=" + device,
        "urn:skerry:device:default/" + device,
        Duration.ofMinutes(1).negated());
  }

  /** The control plane. */
  Identity control() throws GeneralSecurityException, IOException, OperatorCreationException {
    return client("CN=control", "urn:skerry:control", LIFETIME);
  }

  private Identity client(String subject, String uri, Duration lifetime)
      throws GeneralSecurityException, IOException, OperatorCreationException {
    return issue(subject, new GeneralName(GeneralName.uniformResourceIdentifier, uri), lifetime);
  }

  private Identity issue(String subject, GeneralName alternative, Duration lifetime)
      throws GeneralSecurityException, IOException, OperatorCreationException {
    KeyPair own = newPair();
    JcaX509v3CertificateBuilder builder = builder(new X500Name(subject), own, lifetime);
    builder.addExtension(Extension.subjectAlternativeName, false, new GeneralNames(alternative));
    return new Identity(own, signed(builder), certificate);
  }

  /**
   * Writes what a broker on 127.0.0.1 needs: {@code ca.pem}, {@code server.pem}, {@code server.key}
   * and {@code crl.pem} as the control plane writes them for a broker outside, {@code server.p12}
   * and {@code devices.p12} as it does for its own.
   */
  void writeTo(Path folder)
      throws GeneralSecurityException, IOException, OperatorCreationException {
    Files.createDirectories(folder);
    Identity server =
        issue("CN=Test broker", new GeneralName(GeneralName.iPAddress, "127.0.0.1"), LIFETIME);
    Instant now = Instant.now();
    X509v2CRLBuilder revoked =
        new X509v2CRLBuilder(name, Date.from(now.minus(BACKDATED)))
            .setNextUpdate(Date.from(now.plus(LIFETIME)));
    write(folder, "ca.pem", "CERTIFICATE", certificate.getEncoded());
    write(folder, "server.pem", "CERTIFICATE", server.certificate().getEncoded());
    write(folder, "server.key", "PRIVATE KEY", server.pair().getPrivate().getEncoded());
    write(folder, "crl.pem", "X509 CRL", revoked.build(signer()).getEncoded());
    write(folder.resolve("server.p12"), keyStore(server.pair(), server.certificate()));
    write(folder.resolve("devices.p12"), trustStore(certificate));
  }

  private static void write(Path folder, String file, String kind, byte[] der) throws IOException {
    Files.writeString(
        folder.resolve(file),
        "-----BEGIN %s-----\n%s\n-----END %s-----\n"
            .formatted(
                kind,
                Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                    .encodeToString(der),
                kind));
  }

  private static void write(Path file, KeyStore store)
      throws IOException, GeneralSecurityException {
    try (OutputStream out = Files.newOutputStream(file)) {
      store.store(out, PASSWORD.toCharArray());
    }
  }

  private static KeyStore keyStore(KeyPair pair, X509Certificate certificate)
      throws GeneralSecurityException, IOException {
    KeyStore store = EnrolledFleet.empty();
    store.setKeyEntry(
        "key", pair.getPrivate(), PASSWORD.toCharArray(), new Certificate[] {certificate});
    return store;
  }

  private static KeyStore trustStore(X509Certificate trusted)
      throws GeneralSecurityException, IOException {
    KeyStore store = EnrolledFleet.empty();
    store.setCertificateEntry("ca", trusted);
    return store;
  }

  private JcaX509v3CertificateBuilder builder(X500Name subject, KeyPair own, Duration lifetime) {
    Instant now = Instant.now();
    return new JcaX509v3CertificateBuilder(
        name,
        BigInteger.valueOf(NUMBERS.incrementAndGet()),
        Date.from(now.minus(BACKDATED)),
        Date.from(now.plus(lifetime)),
        subject,
        own.getPublic());
  }

  private X509Certificate signed(JcaX509v3CertificateBuilder builder)
      throws GeneralSecurityException, OperatorCreationException {
    return new JcaX509CertificateConverter().getCertificate(builder.build(signer()));
  }

  private ContentSigner signer() throws OperatorCreationException {
    return new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate());
  }

  static KeyPair newPair() throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }
}
