package io.skerry.control.device;

import com.google.gson.Gson;
import io.skerry.api.Enrolment;
import io.skerry.api.EnrolmentRequest;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.control.access.Caller;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.ca.CertificateRequest;
import io.skerry.control.ca.DeviceCertificate;
import io.skerry.control.ca.DeviceCertificates;
import io.skerry.control.ca.ServerTls;
import io.skerry.control.host.Addresses;
import io.skerry.control.host.ServerAddress;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.TenantId;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Enrolment: a device proves that it may have its name, by a token or by a key that was
 * pre-authorised, and gets a certificate for the key of its request.
 *
 * <pre>
 * the name is free              authorised > enrolled
 * the name's own key, its last  the same answer again: the first one was lost on its way
 *   request of the last minute
 * the name's own key            authorised > a new certificate, everything else stays
 * another key                   refused, until the device is deleted
 * </pre>
 */
@Singleton
final class Enrolments {
  static final TenantId TENANT = new TenantId("default");
  private static final DeviceFacts UNKNOWN =
      new DeviceFacts("", List.of(), 0, 0, List.of(), List.of(), "");

  private final Database database;
  private final AuditLog audit;
  private final SigningKeys keys;
  private final Snapshots snapshots;
  private final Addresses addresses;
  private final Profiles profiles;
  private final EnrolmentTokens tokens;
  private final Preauthorisations preauthorisations;
  private final DeviceCertificates certificates;
  private final Gson gson = new Gson();

  Enrolments(
      Database database,
      AuditLog audit,
      SigningKeys keys,
      Snapshots snapshots,
      Addresses addresses,
      Profiles profiles,
      EnrolmentTokens tokens,
      Preauthorisations preauthorisations,
      DeviceCertificates certificates) {
    this.database = database;
    this.audit = audit;
    this.keys = keys;
    this.snapshots = snapshots;
    this.addresses = addresses;
    this.profiles = profiles;
    this.tokens = tokens;
    this.preauthorisations = preauthorisations;
    this.certificates = certificates;
  }

  private record Enrolled(DeviceCertificate certificate, long bootEpoch) {}

  Enrolment enrol(EnrolmentRequest request, String requestId) {
    DeviceId device = new DeviceId(request.device());
    Map<String, String> own = request.labels() == null ? Map.of() : request.labels();
    Labels.check(own);
    if (device.value().equals(ServerTls.CONTROL_NAME)) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "device '%s': the control plane has this name at the broker, choose another"
              .formatted(device));
    }
    String csr = request.csr();
    if (csr == null) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "'csr' is missing: enrol with a certificate request of the device's key, in PEM");
    }
    CertificateRequest asked = CertificateRequest.parse(csr);
    return answer(
        device,
        database.call(transaction -> enrol(transaction, request, device, own, asked, requestId)));
  }

  private Enrolment answer(DeviceId device, Enrolled enrolled) {
    ServerAddress address = addresses.get();
    return new Enrolment(
        TENANT.value(),
        device.value(),
        enrolled.certificate().pem(),
        address.mqttHost(),
        address.mqttPort(),
        address.controlBase().toString(),
        address.artifactBase().toString(),
        enrolled.bootEpoch(),
        keys.roots().stream().map(Enrolments::json).toList(),
        json(snapshots.current()));
  }

  private static String json(DsseEnvelope envelope) {
    return new String(envelope.toJson(), StandardCharsets.UTF_8);
  }

  private Enrolled enrol(
      Transaction transaction,
      EnrolmentRequest request,
      DeviceId device,
      Map<String, String> own,
      CertificateRequest asked,
      String requestId) {
    Caller.Device caller = new Caller.Device(TENANT, device);
    // Two enrolments of one name at a time: the second sees what the first did.
    transaction.list(
        "select pg_advisory_xact_lock(hashtextextended(?, 8))", row -> true, device.value());
    Optional<DeviceCertificate> told = certificates.lately(transaction, caller, asked);
    if (told.isPresent()) {
      return new Enrolled(told.get(), BootEpochs.highest(transaction, device));
    }
    Map<String, String> labels = authorise(transaction, request, device, asked.keySha256(), own);
    if (exists(transaction, device)) {
      if (!certificates.isKeyOf(transaction, caller, asked)) {
        throw taken(device);
      }
      tell(transaction, device, requestId, "device.enrolled-again", labels);
      return new Enrolled(
          certificates.issue(transaction, caller, asked), BootEpochs.highest(transaction, device));
    }
    long floor = store(transaction, device, labels, request.facts());
    DeviceCertificate certificate = certificates.issue(transaction, caller, asked);
    tell(transaction, device, requestId, "device.enrolled", labels);
    return new Enrolled(certificate, floor);
  }

  // What wins later in the map wins: the operator's words over the device's own.
  private Map<String, String> authorise(
      Transaction transaction,
      EnrolmentRequest request,
      DeviceId device,
      String key,
      Map<String, String> own) {
    Map<String, String> labels = new TreeMap<>(own);
    Optional<Preauthorisations.Grant> named = preauthorisations.find(transaction, device);
    Optional<String> reserved = named.flatMap(Preauthorisations.Grant::keySha256);
    if (reserved.isPresent() && !reserved.get().equals(key)) {
      throw new ProblemException(
          ErrorCode.NOT_ALLOWED,
          "the name '%s' is pre-authorised for another key: check the key, or change it with"
                  .formatted(device)
              + " 'skerry create preauthorisation'");
    }
    boolean usable = named.filter(grant -> !grant.used()).isPresent();
    String token = request.token();
    if (token != null) {
      EnrolmentTokens.Grant grant = tokens.use(transaction, token);
      if (grant.preauthorisedOnly() && !usable) {
        throw new ProblemException(
            ErrorCode.NOT_ALLOWED,
            "this token is for pre-authorised devices only and '%s' is none: 'skerry create"
                    .formatted(device)
                + " preauthorisation --device %s'".formatted(device));
      }
      labels.putAll(grant.labels());
    } else if (!usable || reserved.isEmpty()) {
      throw new ProblemException(
          ErrorCode.NOT_AUTHENTICATED,
          "enrolling needs a token, or a pre-authorisation of this device's key: ask for one"
              + " ('skerry create token', 'skerry create preauthorisation')");
    }
    named.ifPresent(grant -> labels.putAll(grant.labels()));
    if (usable) {
      preauthorisations.use(transaction, device);
    }
    Labels.check(labels);
    return labels;
  }

  private static boolean exists(Transaction transaction, DeviceId device) {
    return transaction
        .first("select 1 from device where id = ? for update", row -> true, device.value())
        .isPresent();
  }

  private static ProblemException taken(DeviceId device) {
    return new ProblemException(
        ErrorCode.ALREADY_EXISTS,
        "device '%s' is enrolled already with another key: choose another name, or let an operator"
                .formatted(device)
            + " delete it ('skerry delete device %s')".formatted(device));
  }

  /** Returns the boot epoch above which the device continues. */
  private long store(
      Transaction transaction,
      DeviceId device,
      Map<String, String> labels,
      @Nullable DeviceFacts told) {
    DeviceFacts facts = told == null ? UNKNOWN : told;
    long floor = BootEpochs.ofRemoved(transaction, device);
    transaction.update(
        """
        insert into device (id, tenant, labels, facts, profile, enrolled_at, boot_epoch_floor)
        values (?, ?, ?::jsonb, ?::jsonb, ?, now(), ?)
        """,
        device.value(),
        TENANT.value(),
        gson.toJson(labels),
        gson.toJson(facts),
        profiles.matching(facts).orElse(null),
        floor);
    transaction.update(
        "insert into device_presence (device, online, boot_epoch) values (?, false, ?)",
        device.value(),
        floor);
    // An order above all that the name ever had, and empty: an old one that a broker still holds
    // is not newer.
    transaction.update(
        """
        insert into desired (device, term, counter, issued_at)
        select id, term, counter + 1, now() from device_removed where id = ?
        """,
        device.value());
    transaction.update(
        """
        insert into desired_outbox (device, term, counter, queued_at)
        select device, term, counter, now() from desired where device = ?
        """,
        device.value());
    return floor;
  }

  private void tell(
      Transaction transaction,
      DeviceId device,
      String requestId,
      String act,
      Map<String, String> labels) {
    audit.append(
        transaction,
        new Actor("device:" + TENANT + "/" + device, requestId),
        new AuditLog.Act(act, "device/" + device, "", "", gson.toJson(labels)));
  }
}
