package io.skerry.control.ca;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerNames;
import io.skerry.control.host.ServerReady;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The certificates that the control plane shows: as server to devices and browsers, as client to
 * the broker. Issued again when two thirds of their time are over, or the server's names changed;
 * the files are replaced and what this class handed out goes on with the new ones. Thread-safe.
 */
@Singleton
public final class ServerTls {
  /** What the broker knows the control plane by. */
  public static final String CONTROL_URI = "urn:skerry:control";

  /** Its common name, which outside brokers go by; no device may have it. */
  public static final String CONTROL_NAME = "control";

  private static final Duration LIFETIME = Duration.ofDays(365);
  private static final Duration LOOK_EVERY = Duration.ofHours(1);
  private static final Logger log = LoggerFactory.getLogger(ServerTls.class);
  private static final int SAN_URI = 6;

  private final CertificateAuthority authority;
  private final KeyFiles files;
  private final Issued server;
  private final Issued control;
  private @Nullable Loop loop;

  ServerTls(CertificateAuthority authority, KeyFiles files, ServerNames names) {
    this.authority = authority;
    this.files = files;
    this.server =
        new Issued("server", "Skerry server", serverNames(names), KeyPurposeId.id_kp_serverAuth);
    this.control =
        new Issued(
            "control",
            CONTROL_NAME,
            List.of(CertificateAuthority.uri(CONTROL_URI)),
            KeyPurposeId.id_kp_clientAuth);
  }

  /** PKCS#12 file with the server's key and chain, alias {@code server}; replaced at renewal. */
  public Path serverKeyStore() {
    return files.path("server.p12");
  }

  /** PKCS#12 file that holds the CA's certificate: whom it issued may connect. */
  public Path trustStore() {
    return files.path("devices.p12");
  }

  /** Opens both stores, and the key inside. */
  public String password() {
    return files.password();
  }

  /** For the control plane's own connections: shows its client certificate, trusts the CA only. */
  public SSLContext controlClient() {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(new KeyManager[] {control.key}, trust().getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no TLS", e);
    }
  }

  /** The control plane's client certificate, for clients that take a factory. */
  public KeyManagerFactory controlKeys() {
    return control.key.factory();
  }

  /** Trusts what the CA issued, nothing else. */
  public TrustManagerFactory trust() {
    try {
      TrustManagerFactory factory =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      factory.init(KeyFiles.trustStore("ca", authority.certificate()));
      return factory;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no PKIX", e);
    }
  }

  /** Whether a certificate, verified to be of the CA, is the control plane's own. */
  public static boolean isControl(X509Certificate certificate) {
    return uris(certificate).equals(List.of(CONTROL_URI));
  }

  KeyManager serverKey() {
    return server.key;
  }

  /** The URIs among a certificate's subject alternative names. */
  static List<String> uris(X509Certificate certificate) {
    try {
      var names = certificate.getSubjectAlternativeNames();
      return names == null
          ? List.of()
          : names.stream()
              .filter(name -> name.get(0).equals(SAN_URI))
              .map(name -> String.valueOf(name.get(1)))
              .toList();
    } catch (CertificateParsingException e) {
      return List.of();
    }
  }

  @EventListener
  void onReady(ServerReady event) {
    loop = Loop.every("certificates", LOOK_EVERY, () -> renewIfDue(Instant.now()));
  }

  @PreDestroy
  void end() {
    if (loop != null) {
      loop.close();
    }
  }

  /** Issues what is due again; tells whether something was. */
  boolean renewIfDue(Instant now) {
    boolean renewedServer = server.renewIfDue(now);
    boolean renewedControl = control.renewIfDue(now);
    return renewedServer || renewedControl;
  }

  private static List<GeneralName> serverNames(ServerNames names) {
    Set<String> all = new LinkedHashSet<>();
    all.add(names.publicHost());
    all.add(names.host());
    all.add("localhost");
    all.add("127.0.0.1");
    all.add("::1");
    return all.stream().map(ServerTls::name).toList();
  }

  private static GeneralName name(String host) {
    try {
      return new GeneralName(GeneralName.iPAddress, InetAddress.ofLiteral(host).getHostAddress());
    } catch (IllegalArgumentException e) {
      return new GeneralName(GeneralName.dNSName, host);
    }
  }

  /** One of the two certificates, with its file. */
  private final class Issued {
    private final String alias;
    private final X500Name subject;
    private final List<GeneralName> names;
    private final KeyPurposeId purpose;
    private final ChangingKey key;

    Issued(String alias, String commonName, List<GeneralName> names, KeyPurposeId purpose) {
      this.alias = alias;
      this.subject = new X500NameBuilder().addRDN(BCStyle.CN, commonName).build();
      this.names = names;
      this.purpose = purpose;
      Instant now = Instant.now();
      this.key =
          new ChangingKey(
              alias,
              files
                  .read(store(), alias)
                  .filter(kept -> isGood(kept, now))
                  .orElseGet(() -> issue(now)));
    }

    private String store() {
      return alias + ".p12";
    }

    synchronized boolean renewIfDue(Instant now) {
      if (isGood(key.entry(), now)) {
        return false;
      }
      key.change(issue(now));
      return true;
    }

    private boolean isGood(KeyFiles.Entry entry, Instant now) {
      X509Certificate kept = entry.certificate();
      return kept.getNotAfter().toInstant().isAfter(now.plus(LIFETIME.dividedBy(3)))
          && entry.chain().getLast().equals(authority.certificate())
          && hasNames(kept);
    }

    private boolean hasNames(X509Certificate kept) {
      try {
        byte[] extension = kept.getExtensionValue(Extension.subjectAlternativeName.getId());
        return extension != null
            && new GeneralNames(names.toArray(GeneralName[]::new))
                .equals(
                    GeneralNames.getInstance(JcaX509ExtensionUtils.parseExtensionValue(extension)));
      } catch (IOException e) {
        return false;
      }
    }

    private KeyFiles.Entry issue(Instant now) {
      KeyPair pair = CertificateAuthority.newKey();
      X509Certificate certificate =
          authority.issue(
              new CertificateAuthority.Order(
                  subject,
                  new GeneralNames(names.toArray(GeneralName[]::new)),
                  SubjectPublicKeyInfo.getInstance(pair.getPublic().getEncoded()),
                  List.of(purpose),
                  now.minus(CertificateAuthority.BACKDATED),
                  now.plus(LIFETIME)));
      KeyFiles.Entry entry =
          new KeyFiles.Entry(pair.getPrivate(), List.of(certificate, authority.certificate()));
      files.write(store(), alias, entry);
      log.atInfo()
          .addKeyValue("certificate", alias)
          .addKeyValue("until", certificate.getNotAfter().toInstant())
          .log("certificate issued");
      return entry;
    }
  }
}
