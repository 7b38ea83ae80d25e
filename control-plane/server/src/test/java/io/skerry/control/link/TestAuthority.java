package io.skerry.control.link;

import com.hivemq.client.mqtt.MqttClientSslConfig;
import com.hivemq.client.mqtt.MqttClientSslConfigBuilder;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** A certificate authority of a test's own. */
final class TestAuthority {
  private static final String PASSWORD = "<test&stores>";
  private static final AtomicInteger SERIALS = new AtomicInteger(1);

  private final KeyPair pair = pair();
  private final X509Certificate certificate;

  TestAuthority() {
    certificate =
        issued(pair, "CN=Test CA", Optional.empty(), Duration.ofDays(1), List.of(), Duration.ZERO);
  }

  /** A client's key and certificate, with whom it trusts. */
  record Identity(KeyPair pair, X509Certificate certificate, X509Certificate trusted) {
    MqttClientSslConfig tls() {
      try {
        KeyStore store = empty();
        store.setKeyEntry(
            "client",
            pair.getPrivate(),
            PASSWORD.toCharArray(),
            new X509Certificate[] {certificate});
        KeyManagerFactory keys =
            KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, PASSWORD.toCharArray());
        return trusting(trusted).keyManagerFactory(keys).build();
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }

    /** The same without showing a certificate. */
    MqttClientSslConfig anonymousTls() {
      return trusting(trusted).build();
    }
  }

  Identity device(String name) {
    return device(name, Duration.ofHours(1));
  }

  Identity device(String name, Duration lifetime) {
    return client("CN=" + name, "urn:skerry:device:default/" + name, lifetime);
  }

  Identity control() {
    return client("CN=control", "urn:skerry:control", Duration.ofHours(1));
  }

  Identity client(String subject, String uri, Duration lifetime) {
    KeyPair own = pair();
    return new Identity(
        own,
        issued(
            own,
            subject,
            Optional.of(certificate),
            lifetime,
            List.of(new GeneralName(GeneralName.uniformResourceIdentifier, uri)),
            Duration.ofHours(1)),
        certificate);
  }

  /** Shows this certificate to brokers that trust another authority, and trusts theirs. */
  Identity foreign(String name, TestAuthority theirs) {
    Identity own = device(name);
    return new Identity(own.pair(), own.certificate(), theirs.certificate);
  }

  /** What a broker on 127.0.0.1 needs. */
  Broker.Stores brokerStores(Path folder) {
    try {
      KeyPair own = pair();
      KeyStore keys = empty();
      keys.setKeyEntry(
          "server",
          own.getPrivate(),
          PASSWORD.toCharArray(),
          new X509Certificate[] {
            issued(
                own,
                "CN=Test broker",
                Optional.of(certificate),
                Duration.ofHours(1),
                List.of(new GeneralName(GeneralName.iPAddress, "127.0.0.1")),
                Duration.ofHours(1)),
            certificate
          });
      KeyStore trusted = empty();
      trusted.setCertificateEntry("ca", certificate);
      return new Broker.Stores(
          written(keys, folder.resolve("server.p12")),
          written(trusted, folder.resolve("devices.p12")),
          PASSWORD);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Path written(KeyStore store, Path file) {
    try (OutputStream out = Files.newOutputStream(file)) {
      store.store(out, PASSWORD.toCharArray());
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static MqttClientSslConfigBuilder trusting(X509Certificate trusted) {
    try {
      KeyStore store = empty();
      store.setCertificateEntry("ca", trusted);
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(store);
      return MqttClientSslConfig.builder().trustManagerFactory(trust);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private X509Certificate issued(
      KeyPair subjectPair,
      String subject,
      Optional<X509Certificate> issuer,
      Duration lifetime,
      List<GeneralName> names,
      Duration backdated) {
    try {
      Instant now = Instant.now();
      JcaX509v3CertificateBuilder builder =
          new JcaX509v3CertificateBuilder(
              new X500Name("CN=Test CA"),
              BigInteger.valueOf(SERIALS.incrementAndGet()),
              Date.from(now.minus(backdated)),
              Date.from(now.plus(lifetime)),
              new X500Name(subject),
              subjectPair.getPublic());
      builder.addExtension(
          Extension.basicConstraints, true, new BasicConstraints(issuer.isEmpty()));
      if (!names.isEmpty()) {
        builder.addExtension(
            Extension.subjectAlternativeName,
            false,
            new GeneralNames(names.toArray(GeneralName[]::new)));
      }
      return new JcaX509CertificateConverter()
          .getCertificate(
              builder.build(
                  new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate())));
    } catch (CertIOException | OperatorCreationException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static KeyPair pair() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static KeyStore empty() throws GeneralSecurityException {
    try {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      return store;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
