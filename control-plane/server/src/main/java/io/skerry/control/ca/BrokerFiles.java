package io.skerry.control.ca;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.Loop;
import io.skerry.control.host.StartException;
import io.skerry.control.sql.Database;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a broker outside this program needs of the authority, as PEM files in {@code broker/tls} of
 * the data folder; kept fresh while the server runs.
 *
 * <pre>
 * ca.pem       whom it may trust
 * server.pem   its own certificate for its host name, and the authority's
 * server.key   the key of that, PKCS#8
 * crl.pem      the revoked devices; valid {@link #LIST_LIFETIME}, written hourly and at a revocation
 * </pre>
 */
@Singleton
public final class BrokerFiles {
  /** A broker that gets no newer list refuses everybody after this time. */
  public static final Duration LIST_LIFETIME = Duration.ofDays(30);

  /** Revoked certificates in the list; the ones that run out last are kept. */
  public static final int REVOKED_MAX = 1_000_000;

  private static final Logger log = LoggerFactory.getLogger(BrokerFiles.class);
  private static final Duration LIFETIME = Duration.ofDays(365);
  private static final Duration EVERY = Duration.ofHours(1);

  private final CertificateAuthority authority;
  private final Database database;
  private final DataFolder folder;
  private @Nullable Loop loop;

  BrokerFiles(CertificateAuthority authority, Database database, DataFolder folder) {
    this.authority = authority;
    this.database = database;
    this.folder = folder;
  }

  /**
   * Writes the files and keeps them fresh from now on.
   *
   * @param host the broker's name or address, as devices call it
   * @return their folder
   */
  public synchronized Path begin(String host) {
    write(host, Instant.now());
    loop =
        Loop.start(
            "broker-files",
            () -> {
              Thread.sleep(EVERY);
              write(host, Instant.now());
            });
    return tls();
  }

  @EventListener
  void revoked(DeviceRevoked event) {
    if (Files.exists(tls())) {
      writeList(Instant.now());
    }
  }

  @PreDestroy
  synchronized void end() {
    if (loop != null) {
      loop.close();
    }
  }

  private Path tls() {
    return folder.root().resolve("broker").resolve("tls");
  }

  void write(String host, Instant now) {
    try {
      Files.createDirectories(tls());
    } catch (IOException e) {
      throw new StartException("%s cannot be made: %s".formatted(tls(), e.getMessage()), e);
    }
    folder.writePrivately(tls().resolve("ca.pem"), authority.pem());
    if (!isGood(host, now)) {
      writeCertificate(host, now);
    }
    writeList(now);
  }

  private synchronized void writeList(Instant now) {
    X509v2CRLBuilder list =
        new X509v2CRLBuilder(authority.name(), Date.from(now))
            .setNextUpdate(Date.from(now.plus(LIST_LIFETIME)));
    for (Revoked revoked : revoked(now)) {
      list.addCRLEntry(revoked.serial(), Date.from(revoked.at()), CRLReason.unspecified);
    }
    folder.writePrivately(
        tls().resolve("crl.pem"), pem("X509 CRL", authority.sign(list, now.getEpochSecond())));
  }

  private record Revoked(BigInteger serial, Instant at) {}

  private List<Revoked> revoked(Instant now) {
    return database.call(
        transaction ->
            transaction.list(
                """
                select serial, revoked_at from device_certificate
                where revoked_at is not null and not_after > ? order by not_after desc limit ?
                """,
                row ->
                    new Revoked(new BigInteger(row.text("serial"), 16), row.instant("revoked_at")),
                now,
                REVOKED_MAX));
  }

  private boolean isGood(String host, Instant now) {
    Path file = tls().resolve("server.pem");
    if (!Files.exists(file) || !Files.exists(tls().resolve("server.key"))) {
      return false;
    }
    try {
      X509Certificate kept =
          (X509Certificate)
              CertificateFactory.getInstance("X.509")
                  .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(file)));
      return kept.getNotAfter().toInstant().isAfter(now.plus(LIFETIME.dividedBy(3)))
          && kept.getIssuerX500Principal().equals(authority.certificate().getSubjectX500Principal())
          && kept.getSubjectAlternativeNames().stream().anyMatch(name -> host.equals(name.get(1)));
    } catch (IOException | CertificateException e) {
      log.atWarn().setCause(e).addKeyValue("file", file).log("certificate damaged, issued again");
      return false;
    }
  }

  private void writeCertificate(String host, Instant now) {
    KeyPair pair = CertificateAuthority.newKey();
    X509Certificate certificate =
        authority.issue(
            new CertificateAuthority.Order(
                new X500Name("CN=Skerry broker"),
                new GeneralNames(name(host)),
                SubjectPublicKeyInfo.getInstance(pair.getPublic().getEncoded()),
                List.of(KeyPurposeId.id_kp_serverAuth),
                now.minus(CertificateAuthority.BACKDATED),
                now.plus(LIFETIME)));
    folder.writePrivately(
        tls().resolve("server.key"), pem("PRIVATE KEY", pair.getPrivate().getEncoded()));
    folder.writePrivately(
        tls().resolve("server.pem"), CertificateAuthority.pem(certificate) + authority.pem());
    log.atInfo()
        .addKeyValue("host", host)
        .addKeyValue("until", certificate.getNotAfter().toInstant())
        .log("certificate of the outside broker issued");
  }

  private static GeneralName name(String host) {
    try {
      return new GeneralName(GeneralName.iPAddress, InetAddress.ofLiteral(host).getHostAddress());
    } catch (IllegalArgumentException e) {
      return new GeneralName(GeneralName.dNSName, host);
    }
  }

  private static String pem(String kind, byte[] der) {
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n"
        .formatted(
            kind,
            Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII)).encodeToString(der),
            kind);
  }
}
