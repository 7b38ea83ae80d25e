package io.skerry.control.device;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.reflect.TypeToken;
import io.skerry.api.Enrolment;
import io.skerry.api.EnrolmentRequest;
import io.skerry.api.EnrolmentToken;
import io.skerry.control.access.Secrets;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
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
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Tokens with which devices enrol, and enrolment itself. */
@Singleton
final class Enrolments {
  private static final String TOKEN_PREFIX = "skerry1.";
  private static final TenantId TENANT = new TenantId("default");
  private static final DeviceFacts UNKNOWN =
      new DeviceFacts("", List.of(), 0, 0, List.of(), List.of(), "");

  private final Database database;
  private final AuditLog audit;
  private final SigningKeys keys;
  private final Addresses addresses;
  private final Profiles profiles;
  private final Gson gson = new Gson();

  Enrolments(
      Database database, AuditLog audit, SigningKeys keys, Addresses addresses, Profiles profiles) {
    this.database = database;
    this.audit = audit;
    this.keys = keys;
    this.addresses = addresses;
    this.profiles = profiles;
  }

  EnrolmentToken createToken(Actor actor, int uses, Map<String, String> labels, Duration validity) {
    Labels.check(labels);
    String secret = Secrets.random();
    Instant expiresAt = Instant.now().plus(validity);
    database.run(
        transaction -> {
          transaction.update(
              """
              insert into enrolment_token (secret_hash, labels, uses_left, created_by, created_at,
                expires_at)
              values (?, ?::jsonb, ?, ?, now(), ?)
              """,
              Secrets.hash(secret),
              gson.toJson(labels),
              uses,
              actor.name(),
              expiresAt);
          audit.append(
              transaction,
              actor,
              new AuditLog.Act(
                  "enrolment-token.created", "enrolment-token", "", "", "{\"uses\":" + uses + "}"));
        });
    return new EnrolmentToken(encoded(secret), uses, expiresAt);
  }

  private String encoded(String secret) {
    JsonObject token = new JsonObject();
    token.addProperty("url", addresses.get().url().toString());
    token.addProperty("secret", secret);
    token.addProperty("root", keys.rootFingerprint());
    return TOKEN_PREFIX
        + Base64.getUrlEncoder()
            .withoutPadding()
            .encodeToString(token.toString().getBytes(StandardCharsets.UTF_8));
  }

  Enrolment enrol(EnrolmentRequest request, String requestId) {
    DeviceId device = new DeviceId(request.device());
    Map<String, String> own = request.labels() == null ? Map.of() : request.labels();
    Labels.check(own);
    String secret = Secrets.random();
    database.run(
        transaction -> {
          Map<String, String> labels = new TreeMap<>(own);
          labels.putAll(useToken(transaction, request.token()));
          DeviceFacts facts = request.facts() == null ? UNKNOWN : request.facts();
          store(transaction, device, labels, facts, Secrets.hash(secret));
          audit.append(
              transaction,
              new Actor("device:" + TENANT + "/" + device, requestId),
              new AuditLog.Act("device.enrolled", "device/" + device, "", "", gson.toJson(labels)));
        });
    ServerAddress address = addresses.get();
    return new Enrolment(
        TENANT.value(),
        device.value(),
        secret,
        address.mqttHost(),
        address.mqttPort(),
        address.artifactBase().toString(),
        new String(keys.roots().getFirst().toJson(), StandardCharsets.UTF_8),
        keys.trust().root().root().keys().getFirst().hex());
  }

  private Map<String, String> useToken(Transaction transaction, String token) {
    String json =
        transaction
            .first(
                """
                update enrolment_token set uses_left = uses_left - 1
                where secret_hash = ? and uses_left > 0 and expires_at > now()
                returning labels::text as labels
                """,
                row -> row.text("labels"),
                Secrets.hash(token))
            .orElseThrow(
                () ->
                    new ProblemException(
                        ErrorCode.NOT_AUTHENTICATED,
                        "the enrolment token is unknown, used up or expired: ask for a new one"));
    return gson.fromJson(json, new TypeToken<Map<String, String>>() {});
  }

  private void store(
      Transaction transaction,
      DeviceId device,
      Map<String, String> labels,
      DeviceFacts facts,
      String secretHash) {
    int stored =
        transaction.update(
            """
            insert into device (id, tenant, labels, facts, profile, secret_hash, enrolled_at)
            values (?, ?, ?::jsonb, ?::jsonb, ?, ?, now())
            on conflict (id) do nothing
            """,
            device.value(),
            TENANT.value(),
            gson.toJson(labels),
            gson.toJson(facts),
            profiles.matching(facts).orElse(null),
            secretHash);
    if (stored == 0) {
      throw new ProblemException(
          ErrorCode.ALREADY_EXISTS,
          "device '%s' is enrolled already: choose another name".formatted(device));
    }
    transaction.update(
        "insert into device_presence (device, online, boot_epoch) values (?, false, 0)",
        device.value());
  }
}
