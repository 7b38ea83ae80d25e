package io.skerry.control.ca;

import io.skerry.control.access.Caller;
import io.skerry.control.access.DeviceIdentity;
import io.skerry.control.host.Events;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.TenantId;
import jakarta.inject.Singleton;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;

/**
 * The devices' certificates: issued, known by their serial numbers, revoked. Thread-safe.
 *
 * <p>A device's name in a certificate is worth nothing without its row: a revoked, removed or
 * unknown one is nobody.
 */
@Singleton
public final class DeviceCertificates implements DeviceIdentity {
  /** Certificates whose owner is remembered without asking the database. */
  public static final int REMEMBERED_MAX = 20_000;

  /** Rows of certificates that ran out longer ago than this are removed. */
  static final Duration KEPT_AFTER_END = Duration.ofDays(90);

  /** The same request within this time gets the same certificate. */
  static final Duration SAME_ANSWER = Duration.ofMinutes(1);

  private static final Duration REMEMBERED = Duration.ofSeconds(30);
  private static final int A_DAY_EXTRA = 24;
  private static final String URI_PREFIX = "urn:skerry:device:";

  private final CertificateAuthority authority;
  private final CaConfig config;
  private final Database database;
  private final Events events;
  private final Map<String, Remembered> remembered = new LinkedHashMap<>(16, 0.75f, true);
  private long revocations;

  DeviceCertificates(
      CertificateAuthority authority, CaConfig config, Database database, Events events) {
    this.authority = authority;
    this.config = config;
    this.database = database;
    this.events = events;
  }

  private record Remembered(Optional<Caller.Device> device, Instant until) {}

  @Override
  public Optional<Caller.Device> identityOf(X509Certificate certificate) {
    return identityOf(certificate, Instant.now());
  }

  Optional<Caller.Device> identityOf(X509Certificate certificate, Instant now) {
    Caller.Device named = named(certificate).orElse(null);
    if (named == null
        || now.isBefore(certificate.getNotBefore().toInstant())
        || now.isAfter(certificate.getNotAfter().toInstant())) {
      return Optional.empty();
    }
    String fingerprint = CertificateAuthority.fingerprint(certificate);
    long before;
    synchronized (remembered) {
      Remembered known = remembered.get(fingerprint);
      if (known != null && now.isBefore(known.until())) {
        return known.device();
      }
      before = revocations;
    }
    Optional<Caller.Device> device =
        isGood(fingerprint, named) ? Optional.of(named) : Optional.empty();
    synchronized (remembered) {
      // What was read may have been revoked since: then the next one asks again.
      if (before == revocations) {
        remembered.put(fingerprint, new Remembered(device, now.plus(REMEMBERED)));
        if (remembered.size() > REMEMBERED_MAX) {
          remembered.remove(remembered.keySet().iterator().next());
        }
      }
    }
    return device;
  }

  private boolean isGood(String fingerprint, Caller.Device device) {
    return database.call(
        transaction ->
            transaction
                .first(
                    """
                    select 1 from device_certificate
                    where fingerprint = ? and tenant = ? and device = ? and revoked_at is null
                    """,
                    row -> true,
                    fingerprint,
                    device.tenant().value(),
                    device.device().value())
                .isPresent());
  }

  private static Optional<Caller.Device> named(X509Certificate certificate) {
    List<String> uris = ServerTls.uris(certificate);
    if (uris.size() != 1 || !uris.getFirst().startsWith(URI_PREFIX)) {
      return Optional.empty();
    }
    String[] parts = uris.getFirst().substring(URI_PREFIX.length()).split("/", -1);
    if (parts.length != 2) {
      return Optional.empty();
    }
    try {
      return Optional.of(new Caller.Device(new TenantId(parts[0]), new DeviceId(parts[1])));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /**
   * Issues a certificate in the caller's transaction; the same request within a minute gets the
   * same one.
   *
   * @throws ProblemException if the device got too many within a day
   */
  public DeviceCertificate issue(
      Transaction transaction, Caller.Device device, CertificateRequest request) {
    Instant now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    // Two requests of one device at a time must see each other's rows.
    transaction.list(
        "select pg_advisory_xact_lock(hashtextextended(?, 7))",
        row -> true,
        device.tenant() + "/" + device.device());
    Optional<DeviceCertificate> same = lately(transaction, device, request);
    if (same.isPresent()) {
      return same.get();
    }
    checkCount(transaction, device, now);
    X509Certificate certificate =
        authority.issue(
            new CertificateAuthority.Order(
                new X500NameBuilder()
                    .addRDN(BCStyle.O, device.tenant().value())
                    .addRDN(BCStyle.CN, device.device().value())
                    .build(),
                new GeneralNames(
                    CertificateAuthority.uri(URI_PREFIX + device.tenant() + "/" + device.device())),
                request.key(),
                List.of(KeyPurposeId.id_kp_clientAuth),
                now.minus(CertificateAuthority.BACKDATED),
                now.plus(config.certificateLifetime())));
    return store(transaction, device, request, certificate, now);
  }

  /** What the same request got within the last minute. */
  public Optional<DeviceCertificate> lately(
      Transaction transaction, Caller.Device device, CertificateRequest request) {
    return transaction.first(
        """
        select * from device_certificate
        where tenant = ? and device = ? and csr_sha256 = ? and issued_at > ?
          and revoked_at is null
        order by issued_at desc limit 1
        """,
        DeviceCertificates::read,
        device.tenant().value(),
        device.device().value(),
        request.sha256(),
        Instant.now().minus(SAME_ANSWER));
  }

  /** Whether a device got a certificate for this key that was not revoked; it may have run out. */
  public boolean isKeyOf(
      Transaction transaction, Caller.Device device, CertificateRequest request) {
    return transaction
        .first(
            """
            select 1 from device_certificate
            where tenant = ? and device = ? and key_sha256 = ? and revoked_at is null limit 1
            """,
            row -> true,
            device.tenant().value(),
            device.device().value(),
            request.keySha256())
        .isPresent();
  }

  private DeviceCertificate store(
      Transaction transaction,
      Caller.Device device,
      CertificateRequest request,
      X509Certificate certificate,
      Instant now) {
    DeviceCertificate issued =
        new DeviceCertificate(
            certificate.getSerialNumber().toString(16),
            certificate.getNotBefore().toInstant(),
            certificate.getNotAfter().toInstant(),
            CertificateAuthority.pem(certificate) + authority.pem(),
            Optional.empty());
    transaction.update(
        """
        insert into device_certificate (serial, tenant, device, fingerprint, key_sha256, csr_sha256,
          pem, not_before, not_after, issued_at)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        issued.serial(),
        device.tenant().value(),
        device.device().value(),
        CertificateAuthority.fingerprint(certificate),
        request.keySha256(),
        request.sha256(),
        issued.pem(),
        issued.notBefore(),
        issued.notAfter(),
        now);
    transaction.update(
        "delete from device_certificate where tenant = ? and device = ? and not_after < ?",
        device.tenant().value(),
        device.device().value(),
        now.minus(KEPT_AFTER_END));
    return issued;
  }

  private void checkCount(Transaction transaction, Caller.Device device, Instant now) {
    long today =
        transaction.number(
            """
            select count(*) from device_certificate
            where tenant = ? and device = ? and issued_at > ?
            """,
            device.tenant().value(),
            device.device().value(),
            now.minus(Duration.ofDays(1)));
    long most = perDay(config.certificateLifetime());
    if (today >= most) {
      throw new ProblemException(
          ErrorCode.UNAVAILABLE,
          "device '%s' got %d certificates within a day, at most %d are issued: wait, and look why"
                  .formatted(device.device(), today, most)
              + " it loses them");
    }
  }

  // Twice what renewing in time needs, and some for enrolling again and again while trying out.
  static long perDay(Duration lifetime) {
    return A_DAY_EXTRA + 3 * Duration.ofDays(1).dividedBy(lifetime);
  }

  /**
   * Revokes every certificate of a device in the caller's transaction; once it is committed, the
   * device is nobody and {@link DeviceRevoked} is published.
   *
   * @return how many were good before
   */
  public int revoke(Transaction transaction, Caller.Device device, String reason) {
    int revoked =
        transaction.update(
            """
            update device_certificate set revoked_at = now(), revoked_reason = ?
            where tenant = ? and device = ? and revoked_at is null
            """,
            reason,
            device.tenant().value(),
            device.device().value());
    transaction.afterCommit(
        () -> {
          forget(device);
          events.publish(new DeviceRevoked(device.tenant(), device.device(), reason));
        });
    return revoked;
  }

  private void forget(Caller.Device device) {
    synchronized (remembered) {
      revocations++;
      remembered.values().removeIf(known -> known.device().filter(device::equals).isPresent());
    }
  }

  private static DeviceCertificate read(Row row) {
    return new DeviceCertificate(
        row.text("serial"),
        row.instant("not_before"),
        row.instant("not_after"),
        row.text("pem"),
        row.optionalInstant("revoked_at"));
  }
}
