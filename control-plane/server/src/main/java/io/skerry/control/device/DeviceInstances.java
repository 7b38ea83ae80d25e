package io.skerry.control.device;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.host.Events;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.device.CloneMachine;
import io.skerry.fleet.device.InstanceEvent;
import io.skerry.fleet.device.Instances;
import io.skerry.protocol.DeviceId;
import jakarta.inject.Singleton;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Keeps which processes spoke under each device's name, and raises the alarm of a copied key. */
@Singleton
final class DeviceInstances {
  private final AuditLog audit;
  private final Events events;

  DeviceInstances(AuditLog audit, Events events) {
    this.audit = audit;
    this.events = events;
  }

  /** Takes what a device's message tells, in the caller's transaction. */
  void heard(Transaction transaction, DeviceId device, InstanceEvent event) {
    heard(transaction, Map.of(device, List.of(event)));
  }

  /** Takes what the messages of many devices tell, in the caller's transaction. */
  void heard(Transaction transaction, Map<DeviceId, List<InstanceEvent>> events) {
    Instant now = Instant.now();
    Map<String, Instances> known = known(transaction, events.keySet(), "");
    Map<DeviceId, List<InstanceEvent>> news = new LinkedHashMap<>();
    events.forEach(
        (device, heard) -> {
          Instances before = known.getOrDefault(device.value(), Instances.NONE);
          if (isNews(before, after(before, heard, now), heard)) {
            news.put(device, heard);
          }
        });
    if (!news.isEmpty()) {
      write(transaction, news, now);
    }
  }

  // That the current process spoke again is written down with its report.
  private static boolean isNews(Instances before, Instances after, List<InstanceEvent> heard) {
    return heard.stream().allMatch(InstanceEvent.Reported.class::isInstance)
        ? !names(before).equals(names(after)) || !before.alarm().equals(after.alarm())
        : !before.equals(after);
  }

  private static List<String> names(Instances instances) {
    return instances.seen().stream().map(Instances.Seen::instance).toList();
  }

  private static Instances after(Instances before, List<InstanceEvent> heard, Instant now) {
    Instances after = before;
    for (InstanceEvent event : heard) {
      after = CloneMachine.after(after, event, now);
    }
    return after;
  }

  private static Map<String, Instances> known(
      Transaction transaction, Collection<DeviceId> devices, String locked) {
    Map<String, Instances> known = new HashMap<>();
    transaction.forEach(
        """
        select stored.device, stored.state::text as state, report.instance, report.told_millis
        from device_instances stored left join device_report report on report.device = stored.device
        where stored.device = any(?) order by stored.device
        """
            + locked,
        row ->
            known.put(
                row.text("device"),
                withLastWord(
                    read(row.text("state")),
                    row.optionalText("instance").orElse(""),
                    row.optionalBigint("told_millis").map(Instant::ofEpochMilli))),
        devices.stream().map(DeviceId::value).toList());
    return known;
  }

  private static Instances withLastWord(
      Instances stored, String instance, Optional<Instant> toldAt) {
    if (stored.seen().isEmpty() || toldAt.isEmpty()) {
      return stored;
    }
    Instances.Seen current = stored.seen().getLast();
    if (!current.instance().equals(instance) || !toldAt.get().isAfter(current.at())) {
      return stored;
    }
    List<Instances.Seen> seen = new ArrayList<>(stored.seen());
    seen.set(seen.size() - 1, new Instances.Seen(instance, current.bootEpoch(), toldAt.get()));
    return new Instances(seen, stored.alarm());
  }

  // What others wrote meanwhile is read again, under the lock.
  private void write(
      Transaction transaction, Map<DeviceId, List<InstanceEvent>> news, Instant now) {
    Map<String, Instances> known = known(transaction, news.keySet(), " for update of stored");
    List<String> devices = new ArrayList<>();
    List<String> states = new ArrayList<>();
    List<@Nullable String> since = new ArrayList<>();
    news.forEach(
        (device, heard) -> {
          Instances before = known.getOrDefault(device.value(), Instances.NONE);
          Instances after = after(before, heard, now);
          if (after.equals(before)) {
            return;
          }
          devices.add(device.value());
          states.add(written(after));
          since.add(after.alarm().map(alarm -> alarm.since().toString()).orElse(null));
          if (before.alarm().isEmpty() && after.alarm().isPresent()) {
            raise(transaction, device, after.alarm().get());
          }
        });
    if (devices.isEmpty()) {
      return;
    }
    transaction.update(
        """
        insert into device_instances (device, state, cloned_since)
        select device.id, told.state::jsonb, told.since::timestamptz
        from unnest(?::text[], ?::text[], ?::text[]) as told (device, state, since)
        join device on device.id = told.device order by device.id
        on conflict (device) do update set
          state = excluded.state, cloned_since = excluded.cloned_since
        """,
        devices,
        states,
        since);
  }

  /** Ends the alarm and forgets the processes. */
  void acknowledge(Transaction transaction, DeviceId device) {
    transaction.update("delete from device_instances where device = ?", device.value());
  }

  private void raise(Transaction transaction, DeviceId device, Instances.Alarm alarm) {
    audit.append(
        transaction,
        Actor.system("device"),
        new AuditLog.Act(
            "device.cloned",
            "device/" + device,
            "two processes use this device's key at a time",
            "",
            new Gson().toJson(alarm.instances())));
    transaction.afterCommit(() -> events.publish(new DeviceCloned(device, alarm.instances())));
  }

  /** The alarm in a stored state. */
  static Optional<Instances.Alarm> alarm(String state) {
    return read(state).alarm();
  }

  private static String written(Instances instances) {
    JsonArray seen = new JsonArray();
    for (Instances.Seen one : instances.seen()) {
      JsonObject object = new JsonObject();
      object.addProperty("instance", one.instance());
      object.addProperty("bootEpoch", one.bootEpoch());
      object.addProperty("at", one.at().toString());
      seen.add(object);
    }
    JsonObject state = new JsonObject();
    state.add("seen", seen);
    instances
        .alarm()
        .ifPresent(
            alarm -> {
              state.addProperty("since", alarm.since().toString());
              state.add("instances", new Gson().toJsonTree(alarm.instances()));
            });
    return state.toString();
  }

  private static Instances read(String json) {
    JsonObject state = JsonParser.parseString(json).getAsJsonObject();
    List<Instances.Seen> seen = new ArrayList<>();
    for (JsonElement element : state.getAsJsonArray("seen")) {
      JsonObject one = element.getAsJsonObject();
      seen.add(
          new Instances.Seen(
              one.get("instance").getAsString(),
              one.get("bootEpoch").getAsLong(),
              Instant.parse(one.get("at").getAsString())));
    }
    if (!state.has("since")) {
      return new Instances(seen, Optional.empty());
    }
    List<String> instances =
        state.getAsJsonArray("instances").asList().stream().map(JsonElement::getAsString).toList();
    return new Instances(
        seen,
        Optional.of(
            new Instances.Alarm(Instant.parse(state.get("since").getAsString()), instances)));
  }
}
