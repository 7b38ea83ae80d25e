package io.skerry.control.device;

import io.skerry.control.access.Caller;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.ca.CertificateRequest;
import io.skerry.control.ca.DeviceCertificate;
import io.skerry.control.ca.DeviceCertificates;
import io.skerry.control.host.Events;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.TenantId;
import jakarta.inject.Singleton;

/** What happens to an enrolled device's identity: renewed, revoked, removed. */
@Singleton
final class DeviceIdentities {
  static final int REASON_CHARS_MAX = 500;

  private final Database database;
  private final AuditLog audit;
  private final DeviceCertificates certificates;
  private final DeviceInstances instances;
  private final Events events;

  DeviceIdentities(
      Database database,
      AuditLog audit,
      DeviceCertificates certificates,
      DeviceInstances instances,
      Events events) {
    this.database = database;
    this.audit = audit;
    this.certificates = certificates;
    this.instances = instances;
    this.events = events;
  }

  /** Issues a certificate for the same or a new key; returns it as PEM. */
  String renew(Caller.Device device, String csr, String requestId) {
    CertificateRequest request = CertificateRequest.parse(csr);
    return database.call(
        transaction -> {
          boolean told = certificates.lately(transaction, device, request).isPresent();
          DeviceCertificate issued = certificates.issue(transaction, device, request);
          if (!told) {
            audit.append(
                transaction,
                new Actor("device:" + device.tenant() + "/" + device.device(), requestId),
                new AuditLog.Act(
                    "certificate.renewed",
                    "device/" + device.device(),
                    "",
                    "",
                    "{\"serial\":\"%s\",\"notAfter\":\"%s\"}"
                        .formatted(issued.serial(), issued.notAfter())));
          }
          return issued.pem();
        });
  }

  /** Revokes all its certificates, at once; the alarm of a copied key ends with it. */
  void revoke(Actor actor, String id, String reason) {
    if (reason.isBlank() || reason.length() > REASON_CHARS_MAX) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID, "say why, in 1 to %d characters".formatted(REASON_CHARS_MAX));
    }
    database.run(
        transaction -> {
          Caller.Device device = locked(transaction, id);
          revoke(transaction, device, reason);
          audit.append(
              transaction, actor, AuditLog.Act.of("device.revoked", "device/" + id, reason));
        });
  }

  /** Revokes and removes it; its telemetry stays, its name is free. */
  void remove(Actor actor, String id) {
    database.run(
        transaction -> {
          Caller.Device device = locked(transaction, id);
          revoke(transaction, device, "the device was removed");
          BootEpochs.keep(transaction, device.device());
          transaction.update("delete from device where id = ?", id);
          audit.append(transaction, actor, AuditLog.Act.of("device.removed", "device/" + id, ""));
          transaction.afterCommit(
              () -> events.publish(new DeviceRemoved(device.tenant(), device.device())));
        });
  }

  private void revoke(Transaction transaction, Caller.Device device, String reason) {
    certificates.revoke(transaction, device, reason);
    transaction.update(
        "update device_presence set online = false where device = ?", device.device().value());
    instances.acknowledge(transaction, device.device());
  }

  private static Caller.Device locked(Transaction transaction, String id) {
    return transaction
        .first(
            "select tenant, id from device where id = ? for update",
            row ->
                new Caller.Device(new TenantId(row.text("tenant")), new DeviceId(row.text("id"))),
            id)
        .orElseThrow(
            () ->
                new ProblemException(
                    ErrorCode.NOT_FOUND, "no device '%s': see 'skerry get devices'".formatted(id)));
  }
}
