package io.skerry.control.device;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.skerry.api.DeviceView;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.Generation;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Devices as API and pages show them. */
@Singleton
public final class DeviceDirectory {
  private static final String SELECT =
      """
      select device.id, device.tenant, device.labels::text as labels, device.profile,
        presence.online, presence.seen_at, desired.term, desired.counter, report.observed_term,
        report.observed_counter, report.dropped, certificate.serial, certificate.not_after,
        certificate.revoked_at, instances.state::text as instances
      from device
      join device_presence presence on presence.device = device.id
      left join desired on desired.device = device.id
      left join device_report report on report.device = device.id
      left join lateral (
        select serial, not_after, revoked_at from device_certificate
        where device_certificate.device = device.id
          and device_certificate.issued_at >= device.enrolled_at - interval '1 minute'
        order by issued_at desc, not_after desc limit 1) certificate on true
      left join device_instances instances
        on instances.device = device.id and instances.cloned_since is not null
      """;

  private final Database database;
  private final Gson gson = new Gson();

  DeviceDirectory(Database database) {
    this.database = database;
  }

  /** Devices by id, beginning after one. */
  public List<DeviceView> after(String id, int limit) {
    return views(
        transaction ->
            transaction.list(
                SELECT + "where device.id > ? order by device.id limit ?", this::head, id, limit));
  }

  /** One device. */
  public Optional<DeviceView> find(String id) {
    return views(transaction -> transaction.list(SELECT + "where device.id = ?", this::head, id))
        .stream()
        .findFirst();
  }

  private record Head(String id, Function<List<DeviceView.SlotView>, DeviceView> view) {}

  private record OfDevice(String device, DeviceView.SlotView slot) {}

  private List<DeviceView> views(Database.Work<List<Head>> select) {
    return database.call(
        transaction -> {
          transaction.readOneSnapshot();
          List<Head> heads = select.run(transaction);
          Map<String, List<DeviceView.SlotView>> slots = slots(transaction, heads);
          return heads.stream()
              .map(head -> head.view().apply(slots.getOrDefault(head.id(), List.of())))
              .toList();
        });
  }

  private static Map<String, List<DeviceView.SlotView>> slots(
      Transaction transaction, List<Head> heads) {
    return transaction
        .list(
            "select * from device_slot_report where device = any(?) order by device, slot",
            row -> new OfDevice(row.text("device"), slot(row)),
            heads.stream().map(Head::id).toList())
        .stream()
        .collect(
            Collectors.groupingBy(
                OfDevice::device, Collectors.mapping(OfDevice::slot, Collectors.toList())));
  }

  private Head head(Row row) {
    String id = row.text("id");
    String tenant = row.text("tenant");
    Map<String, String> labels =
        gson.fromJson(row.text("labels"), new TypeToken<Map<String, String>>() {});
    String profile = row.optionalText("profile").orElse(null);
    boolean online = row.flag("online");
    var seenAt = row.optionalInstant("seen_at").orElse(null);
    String generation = generation(row, "term", "counter").orElse(null);
    String observed = generation(row, "observed_term", "observed_counter").orElse(null);
    long dropped = row.bigint("dropped");
    DeviceView.CertificateView certificate =
        row.optionalText("serial")
            .map(
                serial ->
                    new DeviceView.CertificateView(
                        serial,
                        row.instant("not_after"),
                        row.optionalInstant("revoked_at").orElse(null)))
            .orElse(null);
    DeviceView.CloneView cloned =
        row.optionalText("instances")
            .flatMap(DeviceInstances::alarm)
            .map(alarm -> new DeviceView.CloneView(alarm.since(), alarm.instances()))
            .orElse(null);
    return new Head(
        id,
        slots ->
            new DeviceView(
                id,
                tenant,
                labels,
                profile,
                online,
                seenAt,
                generation,
                observed,
                slots,
                dropped,
                certificate,
                cloned));
  }

  private static Optional<String> generation(Row row, String term, String counter) {
    return row.optionalBigint(term)
        .map(value -> new Generation(value, row.bigint(counter)).toString());
  }

  private static DeviceView.SlotView slot(Row row) {
    return new DeviceView.SlotView(
        row.text("slot"),
        row.text("phase"),
        row.optionalText("running_model").orElse(null),
        row.optionalBigint("running_version").orElse(null),
        row.optionalText("running_manifest").orElse(null),
        row.optionalText("rollout").orElse(null),
        row.optionalText("error_code").orElse(null),
        row.optionalText("error_detail").orElse(null),
        row.bigint("predictions"),
        row.bigint("predictions_failed"));
  }
}
