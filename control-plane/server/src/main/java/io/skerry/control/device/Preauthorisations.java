package io.skerry.control.device;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.skerry.api.Preauthorisation;
import io.skerry.api.PreauthorisationView;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.TenantId;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Devices that may enrol, by name and, where known before, by their key. Each may do it once. */
@Singleton
final class Preauthorisations {
  static final int A_CALL_MAX = 1000;
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
  private static final String SELECT =
      """
      select device, key_sha256, labels::text as labels, created_by, created_at, used_at
      from preauthorisation
      """;

  private final Database database;
  private final AuditLog audit;
  private final Gson gson = new Gson();

  Preauthorisations(Database database, AuditLog audit) {
    this.database = database;
    this.audit = audit;
  }

  /** What a pre-authorisation says. */
  record Grant(Optional<String> keySha256, Map<String, String> labels, boolean used) {}

  List<PreauthorisationView> put(Actor actor, TenantId tenant, List<Preauthorisation> devices) {
    if (devices.isEmpty() || devices.size() > A_CALL_MAX) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "%d devices: send 1 to %d in one request".formatted(devices.size(), A_CALL_MAX));
    }
    List<@Nullable Object[]> rows = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (Preauthorisation device : devices) {
      rows.add(row(actor, tenant, device));
      if (!names.add(device.device())) {
        throw new ProblemException(
            ErrorCode.REQUEST_INVALID, "device '%s' is named twice".formatted(device.device()));
      }
    }
    return database.call(
        transaction -> {
          transaction.batch(
              """
              insert into preauthorisation (device, tenant, key_sha256, labels, created_by,
                created_at)
              values (?, ?, ?, ?::jsonb, ?, now())
              on conflict (device) do update set
                key_sha256 = excluded.key_sha256, labels = excluded.labels,
                created_by = excluded.created_by, created_at = excluded.created_at, used_at = null
              """,
              rows);
          audit.append(
              transaction,
              actor,
              new AuditLog.Act(
                  "preauthorisations.created",
                  devices.size() == 1
                      ? "device/" + devices.getFirst().device()
                      : devices.size() + " devices",
                  "",
                  "",
                  gson.toJson(devices)));
          return transaction.list(
              SELECT + "where device = any(?) order by device", this::view, List.copyOf(names));
        });
  }

  private @Nullable Object[] row(Actor actor, TenantId tenant, Preauthorisation device) {
    DeviceId name = new DeviceId(device.device());
    Map<String, String> labels = device.labels() == null ? Map.of() : device.labels();
    Labels.check(labels);
    String key =
        device.keySha256() == null ? null : device.keySha256().toLowerCase(Locale.ROOT).strip();
    if (key != null && !SHA256.matcher(key).matches()) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "keySha256 of device '%s' must be 64 hex digits: the SHA-256 of its public key in DER"
              .formatted(name));
    }
    return new @Nullable Object[] {
      name.value(), tenant.value(), key, gson.toJson(labels), actor.name()
    };
  }

  List<PreauthorisationView> after(String device, int limit) {
    return database.call(
        transaction ->
            transaction.list(
                SELECT + "where device > ? order by device limit ?", this::view, device, limit));
  }

  void delete(Actor actor, String device) {
    database.run(
        transaction -> {
          if (transaction.update("delete from preauthorisation where device = ?", device) == 0) {
            throw new ProblemException(
                ErrorCode.NOT_FOUND,
                "device '%s' is not pre-authorised: see 'skerry get preauthorisations'"
                    .formatted(device));
          }
          audit.append(
              transaction,
              actor,
              AuditLog.Act.of("preauthorisation.deleted", "device/" + device, ""));
        });
  }

  /** That of a name, locked until the caller's transaction ends. */
  Optional<Grant> find(Transaction transaction, DeviceId device) {
    return transaction.first(
        SELECT + "where device = ? for update",
        row ->
            new Grant(
                row.optionalText("key_sha256"),
                labels(row),
                row.optionalInstant("used_at").isPresent()),
        device.value());
  }

  void use(Transaction transaction, DeviceId device) {
    transaction.update(
        "update preauthorisation set used_at = now() where device = ?", device.value());
  }

  private PreauthorisationView view(Row row) {
    return new PreauthorisationView(
        row.text("device"),
        row.optionalText("key_sha256").orElse(null),
        labels(row),
        row.text("created_by"),
        row.instant("created_at"),
        row.optionalInstant("used_at").orElse(null));
  }

  private Map<String, String> labels(Row row) {
    return gson.fromJson(row.text("labels"), new TypeToken<Map<String, String>>() {});
  }
}
